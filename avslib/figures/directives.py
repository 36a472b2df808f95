"""A Sphinx extension: what a page of prose alone cannot draw, a scene to play and the map of the chapters.

```{scene-player} 36
:family: CC-BY-SA
:objects: sheep, man, cow

The caption.
```

```{course-map} What the map shows, for who cannot see it
:always: In every chapter, does it listen?
:caption: The chapters.

Foundations
01_task: what to mark, and when
```
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from docutils import nodes  # type: ignore[import-untyped]
from docutils.parsers.rst import directives  # type: ignore[import-untyped]
from sphinx.util.docutils import SphinxDirective

from avslib.data.mini.scene import Scene
from avslib.errors import UserError
from avslib.figures.course_map import Stop, course_map
from avslib.figures.explorers.scene.player import ScenePlayer


@cache
def scene(number: int, family: str) -> Scene:
    """A test scene that may be published: its files are permissive or of `family`."""
    from avslib.data import MiniScenes

    return MiniScenes("ms3", split="test", fold=2, size=256, length=number + 1, family=family).scene(number)


class ScenePlayerDirective(SphinxDirective):
    """Its argument is the number of the scene, its content the caption. `objects`: who must be in the picture."""

    required_arguments = 1
    has_content = True
    option_spec = {"family": directives.unchanged_required, "objects": directives.unchanged_required}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        """The player as raw html. An error of the page when the scene is another than the words tell of."""
        shown = scene(int(self.arguments[0]), self.options["family"])
        names = ", ".join(thing.name for thing in shown.objects)
        if names != self.options["objects"]:
            raise self.error(f"scene {self.arguments[0]} shows {names}, not {self.options['objects']}")
        player = ScenePlayer.of(shown, caption=" ".join(self.content))
        return [nodes.raw("", player._repr_html_(), format="html")]


class map_of_chapters(nodes.General, nodes.Element):  # type: ignore[misc]
    """Stands for the map until the titles of all pages are known."""


class CourseMapDirective(SphinxDirective):
    """Its argument is the text alternative; its content names the parts and, after them, `page: about`."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = {"caption": directives.unchanged_required, "always": directives.unchanged}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        """A place for the map; `draw_maps` fills it."""
        parts: list[tuple[str, list[tuple[str, str]]]] = []
        for line in filter(None, map(str.strip, self.content)):
            page, colon, about = line.partition(": ")
            if not colon:
                parts.append((line, []))
            elif parts:
                parts[-1][1].append((self.env.relfn2path(page)[0], about))
        always = [words.strip() for words in self.options.get("always", "").split(",") if words.strip()]
        words = {"caption": self.options["caption"], "alt": " ".join(self.arguments[0].split())}
        return [map_of_chapters(parts=parts, always=always, words=words)]


def draw_maps(app: Any, tree: nodes.document, page: str) -> None:
    """Sphinx calls this for every page when all have been read."""
    for place in list(tree.findall(map_of_chapters)):
        parts = [
            (name, [_stop(app, page, target, about) for target, about in stops])
            for name, stops in place["parts"]
        ]
        drawn = course_map(parts, always=place["always"], **place["words"])
        place.replace_self(nodes.raw("", drawn.page, format="html"))


def _stop(app: Any, page: str, target: str, about: str) -> Stop:
    if target not in app.env.titles:
        raise UserError(f"the map on {page} leads to {target}, which is no page of this book")
    number = re.match(r"0*(\d+)_", target.rpartition("/")[2])
    title = app.env.titles[target].astext()
    return Stop(
        title=f"{number[1]} {title}" if number else title,
        about=about,
        link=app.builder.get_relative_uri(page, target),
    )


def setup(app: Any) -> dict[str, bool]:
    """Sphinx's entry."""
    app.add_directive("scene-player", ScenePlayerDirective)
    app.add_directive("course-map", CourseMapDirective)
    app.add_node(map_of_chapters)
    app.connect("doctree-resolved", draw_maps)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
