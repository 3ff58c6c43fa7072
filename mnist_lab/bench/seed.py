"""Filling a store with very many runs."""

import json

import numpy as np
import sqlalchemy as sa

from mnist_lab.design.network import totals, trace
from mnist_lab.design.presets import PRESETS
from mnist_lab.store.run import Status
from mnist_lab.store.schema import EPOCHS, RUN
from mnist_lab.store.store import Store

SEEDS = 5
EPOCHS_EACH = 12


def fill(store: Store, runs: int) -> None:
    """Write `runs` finished runs of twelve epochs into a store, five seeds of each design, with made-up results."""
    generator = np.random.default_rng(runs)
    names = list(PRESETS)
    rows, lines = [], []
    for number in range(1, runs + 1):
        if number % SEEDS == 1:
            preset = PRESETS[names[number % len(names)]]
            recipe = preset.recipe.model_dump(mode="json") | {"epochs": EPOCHS_EACH, "batch_size": 32 + number % 500}
            design = preset.with_changes(recipe=recipe, train_images=50_000 - number, name=f"{preset.name} {number}")
            parameters = totals(trace(design.architecture)).parameters
        experiment = design.model_copy(update={"seed": number % SEEDS})
        curve = np.round(0.99 - 0.1 * generator.random(EPOCHS_EACH) / np.arange(1, EPOCHS_EACH + 1), 4).tolist()
        rows.append(
            {
                "id": number,
                "name": experiment.name,
                "owner": f"student {number % 30}",
                "status": str(Status.FINISHED),
                "experiment": experiment.model_dump_json(),
                "design_key": experiment.design_key,
                "parameters": parameters,
                "created": 1.7e9 + number,
                "started": 1.7e9 + number,
                "ended": 1.7e9 + number + 60,
                "steps_done": 1000,
                "epochs_done": EPOCHS_EACH,
                "best_validation_accuracy": max(curve),
                "best_epoch": int(np.argmax(curve)) + 1,
                "last_validation_accuracy": curve[-1],
                "kept_epoch": int(np.argmax(curve)) + 1,
                "validation_accuracy": max(curve),
                "validation_loss": 0.05,
                "test_accuracy": max(curve) - 0.001,
                "test_loss": 0.05,
                "seconds": 60.0,
                "reporting_seconds": 0.1,
                "position": number,
                "seed": experiment.seed,
                "curve": json.dumps(curve),
            }
        )
        lines += [
            {
                "run_id": number,
                "epoch": epoch,
                "steps": 100,
                "loss": 1 - value,
                "accuracy": value,
                "validation_loss": 1 - value,
                "validation_accuracy": value,
                "seconds": 5.0,
            }
            for epoch, value in enumerate(curve, 1)
        ]
    with store.database.write() as connection:
        connection.execute(sa.insert(RUN), rows)
        connection.execute(sa.insert(EPOCHS), lines)
