"""What a reader sees and does in a page."""

from __future__ import annotations

from typing import Any

from avslib.data import MiniScenes


def pixels(page: Any, part: str, number: int = 0) -> str:
    """What the canvas shows, as one string."""
    return str(page.locator(f"canvas[data-part={part}]").nth(number).evaluate("c => c.toDataURL()"))


def move(page: Any, part: str, value: int, number: int = 0) -> None:
    """Set a slider as a reader does."""
    page.locator(f"input[data-part={part}]").nth(number).evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', {bubbles: true})); }",
        value,
    )


def telling_scene(scenes: MiniScenes) -> int:
    """The first scene with a source on screen and every counterfactual sound."""
    return next(i for i in range(50) if scenes.scene(i).sources and all(scenes.scene(i).stand_ins.values()))
