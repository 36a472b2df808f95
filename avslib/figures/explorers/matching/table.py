"""The table of the matching explorer: one row a target, one column a query, and a sign at the pairs that match."""

from __future__ import annotations

from collections.abc import Sequence

from avslib.figures.explorers.frame import canvas, choice
from avslib.figures.html import Floats, escape

SHOWN = ("cost", "its class part", "its mask part", "its Dice part")


def cost_table(
    targets: Sequence[str], queries: Sequence[tuple[str, str]], costs: Floats, matched: Sequence[int]
) -> str:
    """M targets, Q queries with what each says of itself, costs (M, Q), and the column matched in each row."""
    heads = "".join(
        f'<th scope="col">{_sketch("query", name)}{escape(name)}<br><small>{escape(says)}</small></th>'
        for name, says in queries
    )
    rows = "".join(
        f'<tr><th scope="row">{_sketch("target", name)}{escape(name)}</th>{_cells(row, own)}</tr>'
        for name, row, own in zip(targets, costs, matched)
    )
    return (
        f"{choice('shows', label='cells show', options=SHOWN)}"
        '<div class="avs-costs pst-scrollable-table-container"><table>'
        '<caption class="avs-title">a row a target, a column a query, ✓ where they match</caption>'
        f"<thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cells(row: Floats, own: int) -> str:
    return "".join(
        f'<td data-part="cell" data-match="{"now" if column == own else ""}">'
        f"{'✓ ' if column == own else ''}{cost:.2f}</td>"
        for column, cost in enumerate(row)
    )


def _sketch(part: str, name: str) -> str:
    return canvas(part, width=128, height=128, label=f"mask: {name}")
