"""The frame of every explorer: controls and canvases in one piece of HTML that needs nothing from outside.

An explorer works in the rendered book, in JupyterLab and in Colab, because its pictures, its sounds, its
numbers and its script all stand in the output itself. `frame.js` starts it: the script looks the element up
by its id, since `document.currentScript` is null where a notebook inserts the output later.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from inspect import getfile
from pathlib import Path
from typing import Any

from avslib.figures.html import check_words, escape, figcaption, fresh_id, opening


class Explorer(ABC):
    """A figure that answers to the reader. A subclass names itself and gives `body` and `data`.

    name:    of the explorer; the script that stands beside its module draws it, given `data`
    caption: what to try and what to see; alt: what it shows before anything is touched
    licence: `scene.licence` when a composed scene is shown

    Raises UserError for an empty caption or alt, or a scene that may not be published.
    """

    name: str

    def __init__(self, *, caption: str, alt: str, licence: str | None) -> None:
        check_words(caption, alt)
        self.caption, self.alt, self.licence = caption, alt, licence

    @abstractmethod
    def body(self) -> str:
        """The controls and canvases, as HTML; the script finds them by their `data-part`."""

    @abstractmethod
    def data(self) -> dict[str, Any]:
        """What the script draws from: numbers, texts, `data:` addresses."""

    def _repr_html_(self) -> str:
        identifier = fresh_id(self.name)
        # "<" would end the script element early if a text of the data held "</script>".
        data = json.dumps(self.data(), separators=(",", ":")).replace("<", "\\u003c")
        more = f'id="{identifier}" data-name="{self.name}" role="group" aria-label="{escape(self.alt)}"'
        return (
            '<figure class="avs-figure" style="margin:1em 0">'
            f"{opening('div', 'avs-explorer', self.licence, more=more)}{self.body()}"
            '<p class="avs-say" data-part="say" aria-live="polite"></p></div><script>(() => {'
            f"{beside(__file__, '.js')}\n{beside(getfile(type(self)), '.js')}\n"
            f"wear({json.dumps(beside(__file__, '.css'))});\n"
            f"startExplorer({json.dumps(identifier)}, {data}, draw);}})();</script>"
            f"{figcaption(self.caption, self.licence)}</figure>"
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.caption}"


@cache
def beside(module: str, ending: str) -> str:
    """The text of the file that differs from the module's in its ending alone, as `.js`."""
    return Path(module).with_suffix(ending).read_text(encoding="utf-8")


def canvas(part: str, *, width: int, height: int, label: str, keys: bool = False) -> str:
    """A canvas with its text alternative; `keys`: it takes the keyboard's focus."""
    focus = ' tabindex="0"' if keys else ""
    return (
        f'<canvas data-part="{part}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(label)}"{focus}></canvas>'
    )


def slider(part: str, *, label: str, last: int, start: int = 0) -> str:
    """A labelled slider over 0..last, with what it stands at beside it."""
    return (
        f'<div class="avs-slider"><label><span>{escape(label)}</span><input type="range" data-part="{part}" '
        f'min="0" max="{last}" step="1" value="{start}"{" disabled" if last == 0 else ""}></label>'
        f'<output data-part="{part}-says"></output></div>'
    )


def choice(part: str, *, label: str, options: Sequence[str], start: int = 0) -> str:
    """A row of buttons of which one is pressed, as radio buttons: arrow keys move along them."""
    group = fresh_id(part)
    buttons = "".join(
        f'<label><input type="radio" name="{group}" data-part="{part}" value="{number}"'
        f"{' checked' if number == start else ''}><span>{escape(option)}</span></label>"
        for number, option in enumerate(options)
    )
    return f'<fieldset class="avs-choice"><legend>{escape(label)}</legend>{buttons}</fieldset>'
