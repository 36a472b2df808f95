"""AVS-Mini: the photographs and recordings that come with the course, and how they are split."""

from avslib.data.mini.pack import (
    CLASSES,
    CORE_CLASSES,
    EDITION,
    FAMILIES,
    Item,
    Pack,
    load_pack,
    verify_pack,
)  # fmt: skip
from avslib.data.mini.splits import FOLDS, SPLITS, split_items

__all__ = [
    "CLASSES", "CORE_CLASSES", "EDITION", "FAMILIES", "FOLDS", "SPLITS",
    "Item", "Pack", "load_pack", "split_items", "verify_pack",
]  # fmt: skip
