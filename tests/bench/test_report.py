"""What is measured, with the machine that it is measured on."""

from mnist_lab.bench import report


def test_the_machine_is_told() -> None:
    assert {"cpu", "cores", "date", "lab", "tensorflow", "torch"} <= set(report.machine())
