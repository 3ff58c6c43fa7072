import pandas as pd

from mnist_lab import charts, notebook


def test_the_notebooks_log_stands_beside_our_runs() -> None:
    ours = pd.DataFrame({"name": ["3x3"], "run_id": [7], "epoch": [1], "validation_accuracy": [0.94]})
    points = charts.reproduction_points("3x3", notebook.epochs(), ours)
    assert points.groupby("line")["value"].count().to_dict() == {"notebook": 12, "run 7": 1}
    charts.reproduction("3x3", points).to_dict()


def test_the_learning_rate_is_drawn_over_all_epochs() -> None:
    assert charts.schedule(7)["encoding"]["x"]["scale"]["domain"] == [0, 7]
