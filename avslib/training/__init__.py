"""Training: `train(find_run("tpavi", "mini/ms3", "smoke"), out=...)`."""

from avslib.training.loop import train
from avslib.training.several import train_several

__all__ = ["train", "train_several"]
