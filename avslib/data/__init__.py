"""Data sets: AVS-Mini, and the readers of the real benchmarks."""

from avslib.data.avsbench_object import AVSBenchObject
from avslib.data.avsbench_semantic import AVSBenchSemantic
from avslib.data.collate import Collate, collate
from avslib.data.mini_scenes import MiniScenes
from avslib.data.open import open_data
from avslib.data.scenes import SOUNDS, Scene, SceneObject, Sound
from avslib.data.sound_windows import SOUND_WINDOWS, SoundWindow, sound_window
from avslib.data.vpo import VPO, mirror

__all__ = [
    "SOUNDS", "SOUND_WINDOWS", "VPO", "AVSBenchObject", "AVSBenchSemantic", "Collate", "MiniScenes", "Scene",
    "SceneObject", "Sound", "SoundWindow", "collate", "mirror", "open_data", "sound_window",
]  # fmt: skip
