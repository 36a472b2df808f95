"""A video inside the page, with its sound and its captions: no request leaves the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from avslib.errors import UserError
from avslib.figures.html import Html, check_words, data_uri, escape, figcaption, opening

MIME = {".mp4": "video/mp4", ".webm": "video/webm"}
LARGEST = 2_000_000
"""Bytes of a file; in the page it takes a third more."""

Cue = tuple[float, float, str]
"""First and last moment, seconds, and what is heard between them."""


def video_player(
    path: Path,
    *,
    caption: str,
    alt: str,
    cues: Sequence[Cue] = (),
    licence: str | None = None,
    width: int = 360,
) -> Html:
    """A video with its controls, a caption under it, and a text for who cannot see it.

    path:    an mp4 or webm that a browser plays, e.g. from `avslib.segment`
    cues:    what is heard when, for who cannot hear it: a track that the controls switch on
    licence: `scene.licence` when the video shows composed scenes
    width:   in the page, pixels

    Raises UserError for an empty caption or alt, other files, and those too large for a page.
    """
    check_words(caption, alt)
    mime = MIME.get(path.suffix.lower())
    if mime is None or not path.is_file():
        raise UserError(f"{path}: give a video that is there, one of {', '.join(MIME)}")
    if (size := path.stat().st_size) > LARGEST:
        raise UserError(f"{path}: {size:,} bytes; a page takes {LARGEST:,}, make it shorter or smaller")
    page = (
        opening("figure", "avs-figure", licence, more='style="margin:1em 0"')
        + f'<video controls playsinline preload="metadata" aria-label="{escape(alt)}" '
        f'style="width:{width}px;max-width:100%" src="{data_uri(path.read_bytes(), mime)}">{_track(cues)}</video>'
        + f"{figcaption(caption, licence)}</figure>"
    )
    return Html(page, caption)


def _track(cues: Sequence[Cue]) -> str:
    """The cues as WebVTT; "" without any."""
    if not cues:
        return ""
    blocks = [f"{_clock(first)} --> {_clock(last)}\n{escape(text)}" for first, last, text in cues]
    track = data_uri("\n\n".join(["WEBVTT", *blocks]).encode(), "text/vtt")
    return f'<track kind="captions" srclang="en" label="what is heard" src="{track}">'


def _clock(seconds: float) -> str:
    """75.25 -> "01:15.250"."""
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes):02}:{rest:06.3f}"
