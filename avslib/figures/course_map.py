"""The map of the chapters: boxes that link to them, and arrows along the order in which they build on one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from avslib.errors import UserError
from avslib.figures.colours import OKABE_ITO
from avslib.figures.html import Html, check_words, escape, figcaption

WIDE, HIGH, ACROSS, DOWN, TOP = 206, 48, 234, 68, 30
"""Of a box; from column to column and from row to row; above the first row. All in pixels at full size."""

COLOURS = (OKABE_ITO[0], OKABE_ITO[5])


@dataclass(frozen=True)
class Stop:
    """A chapter. title: with its number; about: in at most 28 letters; link: its page."""

    title: str
    about: str
    link: str


def course_map(
    parts: Sequence[tuple[str, Sequence[Stop]]], *, always: Sequence[str] = (), caption: str, alt: str
) -> Html:
    """An inline SVG that takes its ink from the page, so that it can be read on a light and on a dark one.

    parts:  one or two of (name, chapters), a column each; the second goes on where the first ends
    always: lines of a box without a link under the last column, its first line the heading

    Raises UserError for other numbers of parts, and for an empty caption or alt.
    """
    check_words(caption, alt)
    if not 1 <= len(parts) <= 2:
        raise UserError(f"a map has one or two parts, not {len(parts)}")
    drawn = []
    for column, (name, stops) in enumerate(parts):
        drawn.append(_text(column * ACROSS, 16, name, "font-weight:600;letter-spacing:.04em"))
        drawn += [_box(column, row, stop) for row, stop in enumerate(stops)]
        drawn += [_arrow(*_below(column, row)) for row, _ in list(enumerate(pairwise(stops)))]
    last = len(parts) - 1
    if last:
        drawn.append(_arrow(*_across(len(parts[0][1]) - 1)))
    rows = max(len(stops) for _, stops in parts)
    bottom = TOP + DOWN * (rows - 1) + HIGH
    if always:
        top = TOP + DOWN * len(parts[last][1]) + 8
        drawn.append(_note(last, top, always))
        bottom = max(bottom, top + _note_height(always))
    width = last * ACROSS + WIDE
    page = (
        '<figure class="avs-figure avs-map" style="margin:1em 0">'
        f'<svg viewBox="-1 -1 {width + 2} {bottom + 2}" role="group" aria-label="{escape(alt)}" '
        f'style="display:block;width:100%;max-width:{round(1.25 * width)}px;height:auto;font-family:inherit">'
        '<defs><marker id="avs-map-head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0L8 4L0 8z" fill="currentColor"/></marker></defs>'
        f"{''.join(drawn)}</svg>{figcaption(caption, None)}</figure>"
    )
    return Html(page, caption)


def _text(x: float, y: float, words: str, style: str = "", size: float = 13) -> str:
    look = f' style="{style}"' if style else ""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="currentColor"{look}>{escape(words)}</text>'


def _frame(x: float, y: float, height: float, colour: str, more: str = "") -> str:
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{WIDE}" height="{height:g}" rx="7" fill="{colour}" '
        f'fill-opacity=".13" stroke="{colour}" stroke-width="1.6"{more}/>'
    )


def _box(column: int, row: int, stop: Stop) -> str:
    x, y = column * ACROSS, TOP + DOWN * row
    return (
        f'<a href="{escape(stop.link)}" style="color:inherit;text-decoration:none">{_frame(x, y, HIGH, COLOURS[column])}'
        f"{_text(x + 11, y + 20, stop.title, 'font-weight:600;text-decoration:underline', 15)}"
        f"{_text(x + 11, y + 38, stop.about)}</a>"
    )


def _note(column: int, top: float, lines: Sequence[str]) -> str:
    x = column * ACROSS
    words = [_text(x + 11, top + 20, lines[0], "font-weight:600")]
    words += [_text(x + 11, top + 20 + 18 * n, line) for n, line in enumerate(lines[1:], start=1)]
    return _frame(x, top, _note_height(lines), OKABE_ITO[2], ' stroke-dasharray="5 4"') + "".join(words)


def _note_height(lines: Sequence[str]) -> int:
    return 14 + 18 * len(lines)


def _below(column: int, row: int) -> tuple[str, str]:
    """From a box to the one under it."""
    x, y = column * ACROSS + 24, TOP + DOWN * row + HIGH
    return f"{x} {y + 2}", f"V{y + DOWN - HIGH - 2}"


def _across(row: int) -> tuple[str, str]:
    """From the last box of the first column to the first one of the second."""
    y = TOP + DOWN * row + HIGH / 2
    return f"{WIDE + 2} {y:g}", f"H{(WIDE + ACROSS) / 2:g}V{TOP + HIGH / 2:g}H{ACROSS - 2}"


def _arrow(start: str, path: str) -> str:
    return (
        f'<path d="M{start}{path}" fill="none" stroke="currentColor" stroke-width="1.5" stroke-opacity=".75" '
        'marker-end="url(#avs-map-head)"/>'
    )
