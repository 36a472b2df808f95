"""avslib: audio-visual segmentation, the library behind the course *Seeing Sound*.

    avslib.list_models()                                    ['tpavi', 'avsegformer', 'pcmanet']
    model = avslib.create_model("tpavi", pretrained=False)  a paper's model; or avslib.load(RUN | CHECKPOINT)
    model.predict(frames, waveform, sample_rate)            (T, H, W) masks of uint8 frames, one a second
    data = avslib.open_data("mini/ms3", "test")             a data set by name
    avslib.evaluate(model, data)                            {protocol: {number: value}}
    avslib.segment("clip.mp4", model)                       a video with what sounds painted in it

Names are imported when they are first used: `import avslib` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avslib.front_door import create_model, evaluate, list_models, load, open_data, segment

__version__ = "0.1.0"
__all__ = ["create_model", "evaluate", "list_models", "load", "open_data", "segment"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("avslib.front_door"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
