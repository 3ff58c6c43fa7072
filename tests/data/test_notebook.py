"""The notebook's figures, as it printed them."""

from mnist_lab.data import notebook


def test_the_notebooks_figures_ship_as_data() -> None:
    table = notebook.results().set_index("name")
    assert table["test_accuracy"].to_dict() == {"7x7": 0.9935, "3x3": 0.9843, "2x2": 0.9535}
    assert table["test_loss"].to_dict() == {"7x7": 0.0231, "3x3": 0.0494, "2x2": 0.151}
    logs = notebook.epochs()
    for name in ("3x3", "2x2"):
        log = logs[logs["name"] == name]
        assert log["epoch"].tolist() == list(range(1, 13))
        assert log["validation_accuracy"].iloc[-1] == table.loc[name, "test_accuracy"]
    assert logs.loc[(logs["name"] == "2x2") & (logs["epoch"] == 11), "validation_accuracy"].item() == 0.9680
