"""A cell that is chosen by a click in a chart, or in two fields beside it: one choice, which both show."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from mnist_lab.ui import fields

Place = tuple[Any, Any]


@dataclass(frozen=True)
class Picked:
    """A click in the chart, whose selection is called `cell`, changes the choice; the fields, when somebody changes them, have
    another chart begin with what they say.

    Attributes:
        name: of the choice, which no other has.
        coordinates: what the chart calls the two coordinates of a cell.
        first: what is chosen until somebody chooses something else, and again where a click takes a choice back.
    """

    name: str
    coordinates: tuple[str, str]
    first: Place

    @property
    def place(self) -> Place:
        """What is chosen."""
        place: Place = st.session_state.get(self._place) or self.first
        return place

    @property
    def begun(self) -> Place:
        """What the chart shows as chosen before anybody clicks in it."""
        begun: Place = st.session_state[self._begun] if st.session_state.get(self._place) else self.first
        return begun

    @property
    def chart(self) -> str:
        """The key of the chart: another one wherever it has to begin anew, or it would keep its own selection."""
        return f"{self.name}-chart-{self.begun}"

    def bound(self, coordinate: str, *, argument: str = "value", options: Sequence[Any] = ()) -> dict[str, Any]:
        """Arguments that bind a widget to one coordinate, as `fields.bound`."""
        number = self.coordinates.index(coordinate)
        key, save = f"{self.name}-{coordinate}", partial(self._moved, number)
        return fields.bound(key, self.place[number], save, argument=argument, options=options)

    def _moved(self, number: int, value: Any) -> None:
        first, second = self.place
        place = (value, second) if number == 0 else (first, value)
        st.session_state[self._place] = st.session_state[self._begun] = place

    def clicked(self) -> None:
        """Somebody clicked in the chart."""
        cells = st.session_state[self.chart]["selection"].get("cell")
        first, second = self.coordinates
        st.session_state[self._begun] = self.begun  # it is the chart that was clicked in
        st.session_state[self._place] = (int(cells[0][first]), int(cells[0][second])) if cells else None

    @property
    def _place(self) -> str:
        return f"{self.name}-place"

    @property
    def _begun(self) -> str:
        return f"{self.name}-begun"
