"""Undo and redo against the simplest model there is: a list and a place in it."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mnist_lab.design import edit as editing
from mnist_lab.design.architecture import BLOCK_LISTS, Architecture
from mnist_lab.design.history import DEPTH, History
from mnist_lab.design.presets import PRESETS
from mnist_lab.errors import InputError


class Editing(RuleBasedStateMachine):
    """Edits, undo and redo in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.history = History(PRESETS["2x2"].architecture)
        self.states = [self.history.present]
        self.place = 0

    def changed(self, network: Architecture) -> None:
        self.history = self.history.push(network)
        if network != self.states[self.place]:
            self.states = [*self.states[: self.place + 1], network]
            self.place += 1

    @rule(
        part=st.sampled_from(["blocks", "head"]),
        where=st.integers(0, 10),
        to=st.integers(0, 10),
        what=st.sampled_from(["insert", "duplicate", "delete", "move", "bias"]),
    )
    def edit(self, part, where, to, what) -> None:
        network = self.history.present
        count = len(getattr(network, part))
        where = min(where, count if what == "insert" else count - 1)
        if where < 0:
            return
        try:
            if what == "move":
                network = editing.move(network, part, where, min(to, count - 1))
            elif what == "bias":
                network = editing.change(network, part, where, "bias", not getattr(network, part)[where].bias)
            else:
                network = getattr(editing, what)(network, part, where)
        except InputError:
            assert count in (BLOCK_LISTS[part].shortest, BLOCK_LISTS[part].longest)
            return
        low, high = BLOCK_LISTS[part].shortest, BLOCK_LISTS[part].longest
        assert low <= len(getattr(network, part)) <= high
        self.changed(network)

    @rule()
    def undo(self) -> None:
        self.history = self.history.undo()
        self.place = max(0, self.place - 1)

    @rule()
    def redo(self) -> None:
        self.history = self.history.redo()
        self.place = min(len(self.states) - 1, self.place + 1)

    @invariant()
    def the_present_is_where_the_model_is(self) -> None:
        assert self.history.present == self.states[self.place]
        assert len(self.history.past) == self.place
        assert len(self.history.future) == len(self.states) - 1 - self.place


TestEditing = Editing.TestCase
TestEditing.settings = settings(max_examples=40, stateful_step_count=40)


def test_a_long_history_forgets_its_beginning() -> None:
    history = History(0)
    for number in range(1, DEPTH + 50):
        history = history.push(number)
    for _ in range(2 * DEPTH):
        history = history.undo()
    assert history.present == 49


def test_a_moved_block_is_the_same_block_elsewhere() -> None:
    network = PRESETS["2x2"].architecture
    filters = [block.filters for block in editing.move(network, "blocks", 0, 3).blocks]
    assert filters == [8, 16, 32, 4, 64]
    assert editing.delete(editing.duplicate(network, "blocks", 2), "blocks", 3) == network
