"""Figures with a kernel: what no page can hold beforehand is drawn when it is chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from avslib.errors import UserError


class Live:
    """Controls over a figure that is drawn anew whenever one of them is moved.

    draw:     takes the chosen value of every control, by its name; gives what a notebook can display
    controls: {name: values}: a `range` makes a slider, any other sequence a menu
    start:    {name: value} of the controls that do not start at their first value

        Live(lambda sound: CIMExplorer(moments=look(sound), **others), sound=("right", "silence"))

    Every combination is drawn once and kept. The widgets are attributes, here `live.sound`, and `live.output`
    around the figure; `live.shown` is the figure. Raises UserError for a control without values, and whatever
    the first `draw` raises; later errors appear in place of the figure.
    """

    def __init__(
        self, draw: Callable[..., Any], *, start: Mapping[str, Any] | None = None, **controls: Sequence[Any]
    ) -> None:
        import ipywidgets

        first = start or {}
        self.controls = {name: _control(name, values, first.get(name)) for name, values in controls.items()}
        self.draw = cache(draw)
        self.output = ipywidgets.Output()
        self.box = ipywidgets.VBox([*self.controls.values(), self.output])
        self.shown = self.draw(**self.chosen)  # not in the output, which would swallow its error
        for control in self.controls.values():
            control.observe(self._show, "value")
        self._show()

    @property
    def chosen(self) -> dict[str, Any]:
        """{name: value}: what the controls stand at."""
        return {name: control.value for name, control in self.controls.items()}

    def _show(self, _change: object = None) -> None:
        from IPython.display import display

        self.output.clear_output(wait=True)
        with self.output:
            self.shown = self.draw(**self.chosen)
            display(self.shown)  # type: ignore[no-untyped-call]

    def __getattr__(self, name: str) -> Any:
        if name in (controls := self.__dict__.get("controls", {})):
            return controls[name]
        raise AttributeError(f"no control {name!r}; there are: {', '.join(controls)}")

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.box._repr_mimebundle_(**kwargs)


def _control(name: str, values: Sequence[Any], start: Any) -> Any:
    """The widget that chooses one of `values`; a slider reports when it is let go."""
    import ipywidgets

    if not values:
        raise UserError(f"{name}: nothing to choose from; give at least one value")
    same = {
        "value": values[0] if start is None else start,
        "description": name.replace("_", " "),
        "style": {"description_width": "7em"},
    }
    if isinstance(values, range):
        return ipywidgets.IntSlider(
            min=values[0], max=values[-1], step=values.step, continuous_update=False, **same
        )
    return ipywidgets.Dropdown(options=list(values), **same)
