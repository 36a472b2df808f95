"""Data sets: AVS-Mini, and (later) the readers of the real benchmarks."""

from avslib.data.collate import Collate, collate
from avslib.data.mini_scenes import MiniScenes
from avslib.data.scenes import SOUNDS, Scene, SceneObject, Sound

__all__ = ["SOUNDS", "Collate", "MiniScenes", "Scene", "SceneObject", "Sound", "collate"]
