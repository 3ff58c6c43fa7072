"""How designs are drawn on every page: the same colour, dash and shape wherever a design is shown."""

from collections.abc import Iterable

from mnist_lab.charts.style import Look, look
from mnist_lab.ui.session import lab


def looks(design_keys: Iterable[str]) -> dict[str, Look]:
    """The look of each design, by its key. Raises StoreError where the database cannot be used."""
    return {key: look(number) for key, number in lab().store.looks.numbers(design_keys).items()}
