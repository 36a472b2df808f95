"""AVSegFormer put together from its parts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from torch import nn

from avslib.methods.avsegformer.mask_head import MaskHead
from avslib.methods.avsegformer.mask_reformer import MaskReformer
from avslib.methods.avsegformer.mixer import AudioVisualMixer, CrossAttentionMixer
from avslib.methods.avsegformer.model import AVSegFormer
from avslib.methods.avsegformer.query_generator import QueryGenerator


def build(
    *,
    visual: nn.Module,
    audio: nn.Module,
    classes: int = 1,
    queries: int = 300,
    learnable: bool = True,
    query_layers: int = 0,
    mixer: Literal["channel", "gate", "cross"] | None = "channel",
    reformer: Literal["query", "attention"] | None = "query",
    convolutions: bool = False,
    dim: int = 256,
    heads: int = 8,
    mlp: int = 2048,
    fpn: int | None = None,
    **sizes: Any,
) -> AVSegFormer:
    """The model, put together. Every choice is explained at the part that it concerns; `sizes` at the model."""
    mixers: dict[str | None, Callable[..., nn.Module | None]] = {
        None: lambda **_: None,
        "channel": AudioVisualMixer,
        "gate": partial(AudioVisualMixer, gate=True),
        "cross": CrossAttentionMixer,
    }
    attention_only = queries if reformer == "attention" else None
    return AVSegFormer(
        visual=visual,
        audio=audio,
        queries=QueryGenerator(
            dim=dim, queries=queries, learnable=learnable, layers=query_layers, heads=heads
        ),
        head=MaskHead(dim=dim, queries=queries, hidden=mlp, classes=classes, convolutions=convolutions),
        mixer=mixers[mixer](dim=dim, heads=heads),
        reformer=MaskReformer(dim=dim, width=fpn, attention_only=attention_only) if reformer else None,
        dim=dim,
        heads=heads,
        **sizes,
    )
