"""A study as it is in the store, with its plan read."""

from functools import cached_property

from mnist_lab.store.studies import StoredStudy
from mnist_lab.studies.plan import Plan, read_plan


class Study(StoredStudy):
    """A study of the store; attributes as of `StoredStudy`."""

    @cached_property
    def plan(self) -> Plan:
        """Its plan.

        Raises:
            InputError: it cannot be read, as where a newer version of the lab has written it.
        """
        return read_plan(self.plan_json)


def read(stored: StoredStudy) -> Study:
    """The study of a row."""
    return Study(**{name: value for name, value in vars(stored).items() if name in stored.__dataclass_fields__})
