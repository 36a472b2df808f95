"""The authors' weights in our models, and the proof that both compute the same."""

from avslib.importers.check import check_case
from avslib.importers.checkpoint import import_checkpoint

__all__ = ["check_case", "import_checkpoint"]
