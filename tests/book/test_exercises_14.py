"""The exercises of chapter 14 and its button: no answer is no error, a wrong one is refused, the solution passes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from chapter_cells import BOOK, names_of

NEEDED = (
    "from avslib import figures",
    "def check_",
    "def middle(",
    "def late(",
    "def unheard(",
    "def doubt(",
)
"""What the cells hold that the exercises need; the rest of the chapter trains."""
WRONG: dict[str, Any] = {
    "check_middle": lambda times, s: max(n for n, time in enumerate(times) if time <= s + 0.4),
    "check_late": lambda h: 0.5 * (1 - h) ** 2,
    "check_unheard": lambda T: 0.0,
    "check_doubt": lambda seconds: [s["second"] for s in seconds if not s["marked"]],
}


@pytest.fixture(scope="module")
def chapter() -> dict[str, Any]:
    return names_of("14_own_video.ipynb", NEEDED, WRONG)


@pytest.mark.parametrize("check", WRONG)
def test_a_wrong_answer_is_refused_with_a_reason(chapter: dict[str, Any], check: str) -> None:
    with pytest.raises(AssertionError, match=r"\w+ \w+"):
        chapter[check](WRONG[check])


@pytest.mark.parametrize("check", WRONG)
def test_the_solutions_pass(chapter: dict[str, Any], check: str) -> None:
    assert chapter[check](chapter[check.removeprefix("check_")]).startswith("right")


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def upload(tmp_path: Path) -> Run:
    """Runs the cell with the button: its names, and in "displayed" what it has shown."""

    def run(*, live: bool, mine: Path | None = None) -> dict[str, Any]:
        cells = json.loads((BOOK / "14_own_video.ipynb").read_text(encoding="utf-8"))["cells"]
        (source,) = ("".join(cell["source"]) for cell in cells if "MINE = None" in "".join(cell["source"]))
        source = source.replace("MINE = None", f"MINE = Path({str(mine)!r})" if mine else "MINE = None")
        shown: list[Any] = []
        told = SimpleNamespace(notes=["no sound"], out=tmp_path / "mine.mp4")
        names: dict[str, Any] = {
            "LIVE": live, "work": tmp_path, "Path": Path, "display": shown.append, "displayed": shown, "model": None,
            "avslib": SimpleNamespace(segment=lambda path, *_, **__: told),
            "video_player": lambda out, caption, alt: (out, caption, alt),
        }  # fmt: skip
        exec(compile(source, "upload", "exec"), names)
        return names

    return run


def test_without_a_kernel_there_is_no_button(upload: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)  # an import would fail
    assert upload(live=False)["displayed"] == []


def test_the_button_paints_what_it_is_given(upload: Run, tmp_path: Path) -> None:
    names = upload(live=True)
    (box,) = names["displayed"]
    button = box.children[0]
    assert type(button).__name__ == "FileUpload" and button.accept == "video/*"
    names["taken"]({"new": ({"name": "../my.mov", "content": memoryview(b"film")},)})
    assert (tmp_path / "my.mov").read_bytes() == b"film"
    assert names["displayed"][1][:2] == (tmp_path / "mine.mp4", "my.mov, painted.")


def test_a_path_needs_no_button(upload: Run) -> None:
    ((out, caption, _),) = upload(live=False, mine=Path("holiday.mp4"))["displayed"]
    assert out.name == "mine.mp4" and caption == "holiday.mp4, painted."
