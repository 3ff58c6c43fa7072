"""Numbers of designs, from which their looks follow."""

from mnist_lab.charts.style import look
from mnist_lab.design.experiment import Experiment
from mnist_lab.store.store import Store


def designs(small: Experiment, count: int) -> list[Experiment]:
    return [small.with_changes(train_images=100 + number) for number in range(count)]


def test_designs_are_numbered_as_they_were_trained_and_keep_their_numbers(store: Store, small: Experiment) -> None:
    first, second, third, unknown = designs(small, 4)
    store.queue.add([first, second, first.with_changes(seed=5), third], "ada")
    assert store.looks.numbers([third.design_key]) == {third.design_key: 2}
    assert store.looks.numbers([unknown.design_key, first.design_key]) == {unknown.design_key: 3, first.design_key: 0}
    (after,) = designs(small.with_changes(name="later"), 5)[4:]
    other = Store(store.url)  # as of another server
    assert other.looks.numbers([after.design_key, second.design_key]) == {after.design_key: 4, second.design_key: 1}
    assert store.looks.numbers([after.design_key]) == {after.design_key: 4}
    other.close()


def test_four_designs_of_one_session_differ_in_colour_dash_and_shape() -> None:
    for begin in range(280):
        four = [look(number) for number in range(begin, begin + 4)]
        assert (
            len({each.colour for each in four})
            == len({each.dash for each in four})
            == len({each.shape for each in four})
            == 4
        )
    assert len({look(number) for number in range(280)}) == 280
