"""The page of one run without a browser."""

from mnist_lab.lab import Lab
from mnist_lab.store.store import Store
from tests.builders.pages import button, healthy, page
from tests.builders.runs import ADA


def test_a_runs_own_page_has_everything_and_its_wrong_addresses_a_sentence(runs: list[int], store: Store) -> None:
    test = healthy(page("run", run=str(runs[2])))
    metrics = {metric.label: metric.value for metric in test.metric}
    assert metrics["Test accuracy"] == "98.91 %"
    assert metrics["Validation, kept, epoch 1"] == "98.91 %"
    assert metrics["Parameters"] == "13,338"
    assert any("Over 3 seeds of this design: test accuracy 98.94 %" in m.value for m in test.markdown)
    next(n for n in test.number_input if n.label == "More seeds").set_value(2)
    button(test, "Queue them").click().run()
    assert [run.seed for run in Lab(store.url).reader(ADA).active()] == [4, 5]
    for wrong, words in (("0", "none with the number 0"), ("x", "should be the number of a run"), ("9" * 30, "number")):
        assert words in healthy(page("run", run=wrong)).error[0].value
    before = store.labels.set([runs[2]], deleted=True)
    test = healthy(page("run", run=str(runs[2])))
    assert not [b for b in test.button if b.label in ("Pause", "Stop", "Cancel", "Hold")]
    button(test, "Restore").click().run()
    assert store.runs.get(runs[2]).deleted is None
    button(test, "Undo").click().run()
    assert store.runs.get(runs[2]).deleted
    assert before
