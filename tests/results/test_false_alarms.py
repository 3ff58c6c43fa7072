"""How often the verdict calls a design better than itself: over real seeds of one and the same design."""

import numpy as np
import pytest

from mnist_lab.design.experiment import Experiment
from mnist_lab.results import significance
from mnist_lab.training import trainer
from mnist_lab.training.reports import Command

SEEDS = 160
TABLES = 3000


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_design_is_rarely_better_than_itself(small: Experiment) -> None:
    accuracies = []
    for seed in range(SEEDS):
        outcome = trainer.train(small.with_changes(seed=seed), lambda report: None, lambda: Command.CONTINUE)
        accuracies.append(outcome.test_accuracy)
    values = np.array(accuracies)
    print(f"{SEEDS} seeds: mean {values.mean():.4f}, sd {values.std(ddof=1):.4f}")
    generator = np.random.default_rng(0)
    for n in (2, 3, 5, 10):
        for paired in (True, False):
            alarms = 0
            for _ in range(TABLES):
                drawn = generator.choice(values, 2 * n, replace=False)
                first = dict(enumerate(drawn[:n]))
                second = dict(enumerate(drawn[n:], 0 if paired else 100))
                alarms += significance.verdict(("A", "B"), first, second).kind in ("better", "worse")
            rate = alarms / TABLES
            print(f"n = {n}, {'paired' if paired else 'other seeds'}: {rate:.1%} of {TABLES} verdicts")
            # Tables drawn from the same seeds are no independent sample: what they add to the rate's own error is allowed.
            assert rate <= 0.05 + 0.015
