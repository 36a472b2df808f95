"""A video in a page: inside it, with words for everybody, and not too large."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from avslib.errors import UserError
from avslib.figures import video_player
from avslib.figures.video import LARGEST

WORDS = {"caption": "A <clip>.", "alt": 'Two "dogs".'}


def clip(folder: Path, name: str = "clip.mp4", size: int = 100) -> Path:
    path = folder / name
    path.write_bytes(b"v" * size)
    return path


def test_everything_is_in_the_page(tmp_path: Path) -> None:
    cues = [(0, 1.5, "[dog & cat]"), (61.25, 62, "[cow]")]
    licence = "CC BY-SA 4.0 (CC-BY-SA)"
    page = BeautifulSoup(
        video_player(clip(tmp_path), **WORDS, cues=cues, licence=licence).page, "html.parser"
    )
    figure, video, track = (
        page.select_one(name) for name in ("figure.avs-scene", "video[controls]", "track")
    )
    assert figure is not None and video is not None and track is not None
    assert figure["data-licence"] == licence and figure.get_text().startswith("A <clip>. Scene: CC BY-SA")
    assert video["aria-label"] == 'Two "dogs".'
    kind, _, content = str(video["src"]).partition(",")
    assert kind == "data:video/mp4;base64" and base64.b64decode(content) == b"v" * 100
    assert base64.b64decode(str(track["src"]).partition(",")[2]).decode().split("\n\n") == [
        "WEBVTT",
        "00:00.000 --> 00:01.500\n[dog &amp; cat]",
        "01:01.250 --> 01:02.000\n[cow]",
    ]


def test_without_cues_there_is_no_track(tmp_path: Path) -> None:
    assert "<track" not in video_player(clip(tmp_path), **WORDS).page


def test_what_a_page_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="caption and an alt"):
        video_player(clip(tmp_path), caption="x", alt=" ")
    with pytest.raises(UserError, match=r"one of \.mp4, \.webm"):
        video_player(clip(tmp_path, "clip.avi"), **WORDS)
    with pytest.raises(UserError, match=r"nowhere\.mp4: give a video that is there"):
        video_player(tmp_path / "nowhere.mp4", **WORDS)
    with pytest.raises(UserError, match="a page takes 2,000,000, make it shorter"):
        video_player(clip(tmp_path, size=LARGEST + 1), **WORDS)
    with pytest.raises(UserError, match="may not be published"):
        video_player(clip(tmp_path), **WORDS, licence="mixed: not for publication")
