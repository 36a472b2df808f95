"""The CIM explorer with a kernel: the models look again, with whatever sound the reader chooses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets
from IPython.display import display

from avslib.figures.explorers.cim.explorer import CIMExplorer, Looked


class LiveCIMExplorer:
    """A list of sounds over a `CIMExplorer`; every sound is computed once, when it is first chosen."""

    def __init__(
        self,
        compute: Callable[[str], Mapping[str, Looked]],
        *,
        sounds: Sequence[str],
        shown: Mapping[str, Any],
    ) -> None:
        self.compute, self.shown = compute, shown
        self.answers: dict[str, CIMExplorer] = {}
        self.sound = ipywidgets.Dropdown(options=list(sounds), description="sound")
        self.output = ipywidgets.Output()
        self.box = ipywidgets.VBox([self.sound, self.output])
        self.sound.observe(self._draw, "value")
        self._draw()

    def _draw(self, _change: object = None) -> None:
        sound = self.sound.value
        if sound not in self.answers:
            self.answers[sound] = CIMExplorer(moments=self.compute(sound), **self.shown)
        self.output.clear_output(wait=True)
        with self.output:
            display(self.answers[sound])  # type: ignore[no-untyped-call]

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.box._repr_mimebundle_(**kwargs)
