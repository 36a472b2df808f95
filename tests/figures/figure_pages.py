"""What a reader sees and does in a page."""

from __future__ import annotations

from typing import Any


def pixels(page: Any, part: str, number: int = 0) -> str:
    """What the canvas shows, as one string."""
    return str(page.locator(f"canvas[data-part={part}]").nth(number).evaluate("c => c.toDataURL()"))


def move(page: Any, part: str, value: int) -> None:
    """Set a slider as a reader does."""
    page.locator(f"input[data-part={part}]").evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', {bubbles: true})); }",
        value,
    )
