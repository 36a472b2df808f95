"""Data sets: AVS-Mini, and the readers of the real benchmarks."""

from avslib.data.loading.collate import Collate, collate
from avslib.data.mini.scene import SOUNDS, Scene, SceneObject, Sound
from avslib.data.mini.scenes import MiniScenes
from avslib.data.open import open_data
from avslib.data.readers.avsbench_object import AVSBenchObject
from avslib.data.readers.avsbench_semantic import AVSBenchSemantic
from avslib.data.readers.vpo import VPO, mirror

__all__ = [
    "SOUNDS", "VPO", "AVSBenchObject", "AVSBenchSemantic", "Collate", "MiniScenes", "Scene",
    "SceneObject", "Sound", "collate", "mirror", "open_data",
]  # fmt: skip
