"""A Sphinx extension: docstrings here are plain text, and the API page shows them as they are laid out.

Paragraphs stay paragraphs, bullets stay bullets; a paragraph with indented or aligned lines keeps its lines.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any

LAID_OUT = re.compile(r"\s|[\w\"'./ ,*]+: {2,}")
"""A line that only reads well where it stands: indented, or a name with its remark in a column."""
KEPT = re.compile(r"(`[^`]+`|(?<![\w/.(*])\*{1,2}(?=\w)[^*]+(?<=[\w.])\*{1,2}(?![\w/*]))")
"""`code`, *emphasis* and **strong**; every other special character stands for itself."""
SPECIAL = re.compile(r"([*_|\\])")


def prose(text: str) -> str:
    """Plain text as reStructuredText. The escaped spaces let code touch the words beside it."""
    parts = KEPT.split(text)
    parts[::2] = [SPECIAL.sub(r"\\\1", part) for part in parts[::2]]
    parts[1::2] = [f"\\ `{part}`\\ " if part[0] == "`" else part for part in parts[1::2]]
    return "".join(parts)


def paragraph(lines: list[str]) -> list[str]:
    """The lines of one paragraph as reStructuredText."""
    if all(line.startswith(("- ", "  ")) for line in lines) and lines[0][0] == "-":
        return [*(line[:2] + prose(line[2:]) for line in lines), ""]
    if any(LAID_OUT.match(line) for line in lines) or (
        len(lines) > 1 and all(": " in line for line in lines)
    ):
        return ["::", "", *(f"    {line}" for line in lines), ""]
    return [prose(" ".join(lines)), ""]


def rewrite(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Sphinx calls this for every docstring; it changes `lines` in place."""
    text = "\n".join(lines).replace("\n- ", "\n\n- ").splitlines()
    blocks = [list(block) for blank, block in groupby(text, key=lambda line: not line.strip()) if not blank]
    lines[:] = [line for block in blocks for line in paragraph(block)]


def setup(app: Any) -> dict[str, bool]:
    """Sphinx's entry."""
    app.connect("autodoc-process-docstring", rewrite)
    return {"parallel_read_safe": True}
