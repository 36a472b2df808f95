"""The cells of a chapter, or those that its exercises need, run as plain Python."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

BOOK = Path(__file__).parents[2] / "book"


def all_names(notebook: str) -> dict[str, Any]:
    """All names of `book/notebook` after it ran at the smoke schedule. Its figures are made and not drawn: the build does."""
    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("avslib.figures.show", lambda *_, **__: None)
        for cell in json.loads((BOOK / notebook).read_text(encoding="utf-8"))["cells"]:
            tags = cell["metadata"].get("tags", [])
            if cell["cell_type"] != "code" or "remove-cell" in tags:
                continue
            source = 'SCHEDULE, LIVE = "smoke", False' if "parameters" in tags else "".join(cell["source"])
            exec(compile(source, cell["id"], "exec"), names)
    return names


def names_of(notebook: str, needed: tuple[str, ...], checks: Iterable[str]) -> dict[str, Any]:
    """The names that the cells of `book/notebook` define that hold one of `needed`; the rest would train.

    checks: names like "check_dice"; the reader's "answer_dice" is empty, and the page's own call is left out
    """
    names: dict[str, Any] = {"SCHEDULE": "smoke", "LIVE": False}
    names |= {f"answer_{check.removeprefix('check_')}": None for check in checks}
    for cell in json.loads((BOOK / notebook).read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and any(text in source for text in needed):
            source = source.replace("figures.say(check_", "(lambda *_: None)(check_")  # a test gives answers
            exec(compile(source, cell["id"], "exec"), names)
    return names
