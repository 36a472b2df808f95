"""The ledger: a record a run, and the tables that are made of records."""

from avslib.ledger.record import Record, add_record, read_record, read_records
from avslib.ledger.table import Row, ledger_rows, ledger_table

__all__ = ["Record", "Row", "add_record", "ledger_rows", "ledger_table", "read_record", "read_records"]
