"""Training: `train(find_run("tpavi", "mini/ms3", "smoke"), out=...)`."""

from avslib.training.loop import train

__all__ = ["train"]
