"""Data sets: AVS-Mini, the readers of the real benchmarks, and the list of both (`registry.DATASETS`)."""

from avslib.data.loading.augment import mirror
from avslib.data.loading.collate import Collate, collate
from avslib.data.mini.scene import SOUNDS, Scene, SceneObject, Sound
from avslib.data.mini.scenes import MiniScenes
from avslib.data.readers.avsbench_object import AVSBenchObject
from avslib.data.readers.avsbench_semantic import AVSBenchSemantic
from avslib.data.readers.vpo import VPO
from avslib.data.registry import DATASETS, DataSpec, find_data

__all__ = [
    "DATASETS", "SOUNDS", "VPO", "AVSBenchObject", "AVSBenchSemantic", "Collate", "DataSpec", "MiniScenes", "Scene",
    "SceneObject", "Sound", "collate", "find_data", "mirror",
]  # fmt: skip
