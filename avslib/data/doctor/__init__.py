"""`avslib doctor DIR`: what is there, what is missing, what is corrupt in a folder of AVSBench or VPO.

tables      inventory.py    which releases, which clips; what is wrong with the csv files
files       checks.py       one function for each kind of fault; everything is decoded
all         scan.py         in parallel; and what only shows when clips are compared
answer      report.py       one table, counts, faults; advice.py: the next command
"""

from avslib.data.doctor.faults import KINDS, Fault
from avslib.data.doctor.report import Report
from avslib.data.doctor.scan import examine, run_parallel

__all__ = ["KINDS", "Fault", "Report", "examine", "run_parallel"]
