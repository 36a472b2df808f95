"""The map of the chapters: boxes that link to them, and arrows along the order in which they build on one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from avslib.errors import UserError
from avslib.figures.colours import OKABE_ITO
from avslib.figures.html import Html, check_words, escape, figcaption

WIDE, HIGH, ACROSS, DOWN, TOP = 206, 48, 234, 68, 30
"""Of a box; from column to column and from row to row; above the first row. All in pixels at full size."""

COLOURS = (OKABE_ITO[0], OKABE_ITO[5], OKABE_ITO[3])
"""Of the parts."""


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

    parts:  one to three of (name, chapters), each of which goes on where the last one ends: a column, another beside it,
            and the third below the first
    always: lines of a box without a link under the column at the right, its first line the heading

    Raises UserError for other numbers of parts, and for an empty caption or alt.
    """
    check_words(caption, alt)
    if not 1 <= len(parts) <= 3:
        raise UserError(f"a map has one to three parts, not {len(parts)}")
    lengths = [len(stops) for _, stops in parts]
    firsts = [0, 0, max(lengths[:2]) + 0.5]  # row of each part's first box; half a row for a heading
    drawn, bottom = [], 0.0
    for part, (name, stops) in enumerate(parts):
        drawn += _part(part, firsts[part], name, stops)
        bottom = max(bottom, TOP + DOWN * (firsts[part] + lengths[part] - 1) + HIGH)
    if len(parts) > 1:
        drawn.append(_arrow(*_across(lengths[0] - 1)))
    if len(parts) > 2:
        drawn.append(_arrow(*_back(lengths[1] - 1, firsts[2])))
    right = min(1, len(parts) - 1)
    if always:
        top = TOP + DOWN * lengths[right] + 8
        drawn.append(_note(right, top, always))
        bottom = max(bottom, top + _note_height(always))
    width = right * ACROSS + WIDE
    page = (
        '<figure class="avs-figure avs-map" style="margin:1em 0">'
        f'<svg viewBox="-1 -1 {width + 2} {bottom + 2:g}" role="group" aria-label="{escape(alt)}" '
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


def _part(part: int, first: float, name: str, stops: Sequence[Stop]) -> list[str]:
    """Heading, boxes and the arrows between them; `first`: the row of the first box."""
    column, top = part % 2, TOP + DOWN * first
    heading = _text(column * ACROSS, top - 14, name, "font-weight:600;letter-spacing:.04em")
    boxes = [_box(column, first + row, stop, COLOURS[part]) for row, stop in enumerate(stops)]
    return [heading, *boxes, *(_arrow(*_below(column, first + row)) for row in range(len(stops) - 1))]


def _box(column: int, row: float, stop: Stop, colour: str) -> str:
    x, y = column * ACROSS, TOP + DOWN * row
    return (
        f'<a href="{escape(stop.link)}" style="color:inherit;text-decoration:none">{_frame(x, y, HIGH, colour)}'
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


def _below(column: int, row: float) -> tuple[str, str]:
    """From a box to the one under it."""
    x, y = column * ACROSS + 24, TOP + DOWN * row + HIGH
    return f"{x} {y + 2:g}", f"V{y + DOWN - HIGH - 2:g}"


def _across(row: int) -> tuple[str, str]:
    """From the last box of the first column to the first one of the second."""
    y = TOP + DOWN * row + HIGH / 2
    return f"{WIDE + 2} {y:g}", f"H{(WIDE + ACROSS) / 2:g}V{TOP + HIGH / 2:g}H{ACROSS - 2}"


def _back(row: int, first: float) -> tuple[str, str]:
    """From the last box of the second column to the first one of the part below the first column."""
    under, target = TOP + DOWN * row + HIGH, TOP + DOWN * first + HIGH / 2
    turn = f"V{under + (DOWN - HIGH) / 2:g}H{(WIDE + ACROSS) / 2:g}"  # below the arrow that leads across
    return f"{ACROSS + 24} {under + 2:g}", f"{turn}V{target:g}H{WIDE + 2}"


def _arrow(start: str, path: str) -> str:
    return (
        f'<path d="M{start}{path}" fill="none" stroke="currentColor" stroke-width="1.5" stroke-opacity=".75" '
        'marker-end="url(#avs-map-head)"/>'
    )
