"""A cell that is chosen by a click in a chart, or in two fields beside it: one choice, which both show."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

Place = tuple[Any, Any]


@dataclass(frozen=True)
class Picked:
    """The choice is what the fields hold. A click in the chart, whose selection is called `cell`, changes them; they, when
    somebody changes them, have another chart begin with what they say.

    Attributes:
        name: of the choice, which no other has.
        fields: what the chart calls the two coordinates of a cell.
    """

    name: str
    fields: tuple[str, str]

    @property
    def keys(self) -> tuple[str, str]:
        """Of the fields' widgets."""
        return f"{self.name}-{self.fields[0]}", f"{self.name}-{self.fields[1]}"

    @property
    def place(self) -> Place:
        """What is chosen."""
        first, second = (st.session_state.get(key) for key in self.keys)
        return first, second

    @property
    def begun(self) -> Place:
        """What the chart shows as chosen before anybody clicks in it."""
        begun: Place = st.session_state[self._begun]
        return begun

    @property
    def chart(self) -> str:
        """The key of the chart: another one wherever it has to begin anew, or it would keep its own selection."""
        return f"{self.name}-chart-{self.begun}"

    def begin(self, first: Place) -> None:
        """Choose this until somebody chooses something else; to be called before fields and chart."""
        if any(key not in st.session_state for key in self.keys) or self.place == st.session_state.get(self._first):
            self._choose(first)
            st.session_state[self._begun] = first
        st.session_state[self._first] = first

    def moved(self) -> None:
        """Somebody changed a field."""
        st.session_state[self._begun] = self.place

    def clicked(self) -> None:
        """Somebody clicked in the chart."""
        cells = st.session_state[self.chart]["selection"].get("cell")
        first, second = self.fields
        self._choose((int(cells[0][first]), int(cells[0][second])) if cells else st.session_state[self._first])

    def _choose(self, place: Place) -> None:
        for key, value in zip(self.keys, place, strict=True):
            st.session_state[key] = value

    @property
    def _first(self) -> str:
        return f"{self.name}-first"

    @property
    def _begun(self) -> str:
        return f"{self.name}-begun"
