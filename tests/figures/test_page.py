"""Captions, sounds, colours and the public names."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

import avslib.figures as figures
from avslib.errors import UserError
from avslib.figures import audio_data_uri, class_colour, outline, paint, player, show, style
from avslib.figures.html import picture_uri


def decoded(uri: str) -> io.BytesIO:
    return io.BytesIO(base64.b64decode(uri.partition(",")[2]))


def test_every_public_name_exists_and_none_is_hidden_by_its_module() -> None:
    for name in figures.__all__:
        assert not isinstance(getattr(figures, name), type(sys)), f"{name} is a module"
    with pytest.raises(AttributeError):
        _ = figures.no_such_name


def test_importing_the_package_loads_no_plotting_library() -> None:
    code = "import sys, avslib.figures as f; print([m for m in ('matplotlib', 'ipywidgets', 'torch') if m in sys.modules])"
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8"
    ).stdout
    assert told.strip() == "[]"


def test_a_figure_has_its_words_and_nothing_from_outside() -> None:
    from matplotlib.figure import Figure

    style()
    figure = Figure(figsize=(3, 2))
    figure.subplots().plot([1, 3, 2])
    page = show(
        figure, caption="A <line>.", alt='A line, "up" and down.', licence="CC BY-SA 4.0 (CC-BY-SA)"
    ).page
    assert 'alt="A line, &quot;up&quot; and down."' in page and "A &lt;line&gt;." in page
    assert 'data-licence="CC BY-SA 4.0 (CC-BY-SA)"' in page and "avs-figure avs-scene" in page
    assert "Scene: CC BY-SA 4.0" in page and "data:image/webp;base64," in page and "http" not in page


def test_a_pyplot_figure_is_not_shown_twice() -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, _ = pyplot.subplots()
    show(figure, caption="c", alt="a")
    assert figure.number not in pyplot.get_fignums()  # type: ignore[union-attr]


@pytest.mark.parametrize(("caption", "alt"), [("", "a"), ("c", "  ")])
def test_a_figure_without_words_is_refused(caption: str, alt: str, picture: np.ndarray) -> None:
    with pytest.raises(UserError, match="caption and an alt"):
        show(picture, caption=caption, alt=alt)


def test_a_scene_of_mixed_licences_is_not_published(picture: np.ndarray) -> None:
    with pytest.raises(UserError, match="family="):
        show(picture, caption="c", alt="a", licence="mixed: not for publication")


@pytest.mark.parametrize("channels", [1, 2])
def test_a_sound_survives_the_page(channels: int) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(80_000) / 16_000, dtype=np.float32)
    uri = audio_data_uri(np.stack([tone] * channels), 16_000)
    assert uri.startswith("data:audio/mpeg;base64,") and len(uri) < 70_000
    back, rate = soundfile.read(decoded(uri))
    loudest = np.abs(np.fft.rfft(back.reshape(len(back), channels)[:16_000, 0])).argmax()
    assert rate == 16_000 and abs(len(back) - 80_000) < 4_000 and loudest == 440
    assert "<audio controls" in player(tone, rate, label="a < tone").page
    assert "a &lt; tone" in player(tone, rate, label="a < tone").page


@pytest.mark.parametrize("bad", [np.zeros((3, 9)), np.zeros((1, 0)), np.array([[np.nan]])])
def test_what_is_no_sound_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(UserError):
        audio_data_uri(bad, 16_000)


def test_exact_pictures_are_exact(picture: np.ndarray) -> None:
    assert np.array_equal(
        np.asarray(Image.open(decoded(picture_uri(picture, exact=True)))), picture.transpose(1, 2, 0)
    )
    with pytest.raises(UserError, match="uint8"):
        picture_uri(picture / 255)


def test_labels_are_painted_and_the_rest_is_dimmed(picture: np.ndarray, masks: np.ndarray) -> None:
    labels = masks[0] * 1 + masks[1] * 2
    labels[0, 0] = 255
    painted = paint(picture, labels, fill=0.5, dim=0.5)
    inside = (15, 10)
    expected = (picture[:, inside[0], inside[1]] + np.array([0xE6, 0x9F, 0x00])) / 2
    assert class_colour(1) == "#E69F00" and np.abs(painted[:, inside[0], inside[1]] - expected).max() <= 1
    assert np.array_equal(painted[:, 8, 4], [0xE6, 0x9F, 0x00]), "the edge is opaque"
    assert np.abs(painted[:, 0, 0] - picture[:, 0, 0] / 2).max() <= 1, (
        "ignored pixels are dimmed, not painted"
    )
    assert np.array_equal(paint(picture, np.zeros((32, 48))), picture), "nothing to paint: nothing dimmed"
    assert np.array_equal(
        outline(picture, masks[0], "#FFFFFF")[:, inside[0], inside[1]], picture[:, inside[0], inside[1]]
    )
    with pytest.raises(UserError, match="resize"):
        paint(picture, np.zeros((8, 8)))


def test_the_front_page_picture(tmp_path: Path) -> None:
    from avslib.figures.__main__ import main

    assert main(["readme", str(tmp_path / "front.png")]) == 0
    assert Image.open(tmp_path / "front.png").width > 600
    assert main(["readme"]) == 2
