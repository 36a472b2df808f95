"""Sounds inside the page: MP3, which every browser plays; five seconds take 20 to 40 kB (wav: 160)."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from avslib.errors import UserError
from avslib.figures.html import Array, Html, data_uri, escape

if TYPE_CHECKING:
    from torch import Tensor


def audio_data_uri(waveform: Tensor | Array, rate: int) -> str:
    """(A, S) or (S,) in [-1, 1], mono or stereo, as a `data:` address of an MP3 file.

    Vorbis would be as small, but not every Safari plays it. Louder samples are clipped.
    Raises UserError for other shapes, NaN or no samples.
    """
    samples = np.atleast_2d(np.asarray(waveform, dtype=np.float32))
    if samples.ndim != 2 or samples.shape[0] not in (1, 2) or not samples.shape[1]:
        raise UserError(f"a waveform must be (1 or 2 channels, samples), not {samples.shape}")
    if not np.isfinite(samples).all():
        raise UserError("the waveform holds NaN or infinity; look for a division by nought before it")
    buffer = io.BytesIO()
    soundfile.write(buffer, samples.clip(-1, 1).T, rate, format="MP3")
    return data_uri(buffer.getvalue(), "audio/mpeg")


def player(waveform: Tensor | Array, rate: int, *, label: str) -> Html:
    """A sound with its controls. label: what is heard, shown before them; plain text."""
    uri = audio_data_uri(waveform, rate)
    page = (
        '<p class="avs-audio" style="display:flex;align-items:center;gap:.8em;margin:.4em 0">'
        f'<span style="min-width:9em">{escape(label)}</span>'
        f'<audio controls preload="metadata" aria-label="{escape(label)}" src="{uri}" '
        'style="height:2.2em;width:min(320px,100%)"></audio></p>'
    )
    return Html(page, f"sound: {label}")
