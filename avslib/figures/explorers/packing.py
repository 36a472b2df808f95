"""Arrays on their way into a page: numbers as bytes, masks as one picture, a colour map as a table."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from avslib.figures.colours import lookup_table
from avslib.figures.html import Array, Floats, Masks, Pixels


def as_text(values: Array) -> str:
    """uint8 of any shape in base64; `bytesOf` in `frame.js` reads it."""
    return base64.b64encode(values.tobytes()).decode()


def colour_bytes(name: str) -> str:
    """A colour map as 256 times three bytes."""
    return as_text(lookup_table(name))


def quantise(maps: Floats, *, signed: bool, top: float | None = None) -> dict[str, Any]:
    """(n, h, w) floats as bytes on one scale: 128 + 127 v / top when there are signs, else 255 v / top.

    top: where values are cut off; by default the largest
    """
    top = top or float(np.abs(maps).max()) or 1.0
    parts = np.clip(maps / top, -1 if signed else 0, 1)
    scaled = 128 + 127 * parts if signed else 255 * parts
    return _shape(maps) | {"top": top, "values": as_text(scaled.round().astype(np.uint8))}


def pack(maps: Floats, top: float | None = None) -> dict[str, Any]:
    """(n, h, w) floats from 0 upwards as bytes, each map by its own largest value or by `top`."""
    tops = np.full(len(maps), top) if top else np.maximum(maps.max(axis=(1, 2)), 1e-12)
    scaled = (255 * maps / tops[:, None, None]).round().clip(0, 255).astype(np.uint8)
    return _shape(maps) | {"tops": [float(f"{value:.3g}") for value in tops], "values": as_text(scaled)}


def _shape(maps: Floats) -> dict[str, Any]:
    return {"height": maps.shape[1], "width": maps.shape[2]}


def mask_sheet(*masks: Masks) -> Pixels:
    """(T, H, W) or (H, W) bool, at most eight -> (T*H, W), second under second: bit k is set in mask k."""
    bits: Pixels = np.zeros(masks[0].shape, np.uint8)
    for number, mask in enumerate(masks):
        bits |= mask.astype(np.uint8) << number
    return bits.reshape(-1, bits.shape[-1])


def first_second(truth: Masks) -> int:
    """The second of (T, H, W) in which something sounds first, where an explorer starts; 0 if nothing does."""
    return int(truth.any(axis=(1, 2)).argmax())


def upright(picture: Floats, low: float, high: float) -> Pixels:
    """(..., F, M) -> (..., M, F) uint8, time to the right, low pitches below: 0 at `low`, 255 at `high`."""
    scaled = np.clip((picture - low) / max(high - low, 1e-6), 0, 1)
    turned: Pixels = (255 * scaled).round().astype(np.uint8).swapaxes(-1, -2)[..., ::-1, :]
    return turned
