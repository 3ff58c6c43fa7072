"""The studies that the lab comes with: answered already, and in no one's table or means."""

from mnist_lab.studies.findings import Findings


def all() -> list[tuple[str, Findings]]:
    """Each with what is held equal in it, in a word or two for a heading."""
    return []
