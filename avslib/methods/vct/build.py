"""VCT put together from its parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

from torch import nn

from avslib.errors import UserError
from avslib.methods.networks import Encoders
from avslib.methods.vct.model import VCT
from avslib.methods.vct.pixel_grouping import PixelGrouping
from avslib.methods.vct.prompting import AudioPrototypePrompt, Mixing, PrototypeSpace, SoundPrompt
from avslib.methods.vct.query_generator import PPQG
from avslib.methods.vct.siam_encoder import SiamEncoder
from avslib.methods.vct.vggish_map import VGGishMap

Prompt = Literal["prototypes", "replace", "multiply", "concatenate", "add"]

AUTHORS: dict[str, Any] = {
    "prompt_heads": 4, "prompt_norm": True, "scaled": True, "spare": 1.0, "learned": True,
}  # fmt: skip
"""What the published code has where the slides have another formula, or none. (It has a Siam-Encoder as well.)"""

ENCODERS = Encoders(audio=VGGishMap)
"""Of the paper."""


def build(
    *,
    visual: nn.Module,
    audio: nn.Module,
    classes: int = 1,
    source: Literal["vision", "audio"] = "vision",
    prompt: Prompt | None = "prototypes",
    prototypes: int | None = None,
    contrast: bool = True,
    grouping: Literal["group", "cross"] | None = "group",
    prompt_heads: int = 1,
    prompt_norm: bool = False,
    scaled: bool = False,
    spare: float = 0.0,
    queries: int = 100,
    grid: int = 56,
    dim: int = 256,
    siam: Callable[[], nn.Module] | None = None,
    **sizes: Any,
) -> VCT:
    """The model, put together. Every choice is explained at the part that it concerns; `sizes` at the model.

    source:     what queries are made of; "audio" is the slides' Table 2, "ACT"
    prompt:     Table 3 and 4: prototypes, what takes their place, or None
    prototypes: how many categories of sounds there are; None: as many as classes of pixels. Masks of one class need
                a number, 23 for S4, or another prompt
    contrast:   put what the prototype-audio contrastive loss needs into the extras; Table 3, "w/o loss": False
    grouping:   Table 2: of pixels, by cross-attention, or None
    siam:       () -> the encoder of the regions
    """
    generator = None
    if source == "vision":
        generator = PPQG(
            prompt=_prompt(prompt, prototypes or (classes if classes > 1 else None), dim, prompt_heads, prompt_norm),
            grouping=PixelGrouping(dim=dim, hard=grouping == "group", scaled=scaled, spare=spare) if grouping else None,
            queries=queries, grid=grid, dim=dim,
        )  # fmt: skip
    compares = contrast and prompt == "prototypes" and source == "vision"
    sound = {
        "audio_dim": int(getattr(audio, "dim", VGGishMap.dim)),
        "sound_grid": getattr(audio, "grid", None),
    }
    return VCT(
        visual=visual, audio=audio, generator=generator,
        space=PrototypeSpace(dim=dim) if compares else None,
        siam=SiamEncoder(visual=siam()) if siam else None,
        classes=classes, queries=queries, dim=dim, **{**sound, **sizes},
    )  # fmt: skip


def _prompt(
    prompt: Prompt | None, prototypes: int | None, dim: int, heads: int, norm: bool
) -> nn.Module | None:
    if prompt is None:
        return None
    if prompt in get_args(Mixing):
        return SoundPrompt(mixing=prompt, dim=dim)  # type: ignore[arg-type]
    if prompt == "prototypes" and prototypes is None:
        raise UserError("vct: give the number of prototypes (S4 has 23 categories of sounds), or prompt=None")
    return AudioPrototypePrompt(
        prototypes=prototypes if prompt == "prototypes" else None, dim=dim, heads=heads, norm=norm
    )
