"""A class as a file that its teacher takes away: a zip of its people, their runs, the epochs of these, their designs, the best
of them, what was guessed, and the digits that they drew."""

import io
import json
import zipfile

import pandas as pd

from mnist_lab.results import files, own_digits
from mnist_lab.results import table as results_table
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store


def packed(store: Store, class_id: int, guesses: pd.DataFrame, *, names: bool) -> bytes:
    """The zip's bytes; without runs of studies whose results nobody may see yet.

    Args:
        guesses: as `Guesses.table`: those whose outcome is there.
        names: whether it holds the pupils' names, or only their pseudonyms.
    """
    members = store.people.of(class_id, removed_too=True)
    called = {member.key: member.name if names else member.key for member in members}
    people = pd.DataFrame(
        {
            "pupil": [member.key for member in members],
            "joined": pd.to_datetime([member.joined for member in members], unit="s", utc=True),
            "removed": pd.to_datetime(
                pd.Series([member.removed for member in members], dtype=float), unit="s", utc=True
            ),
        }
    )
    if names:
        people.insert(1, "name", list(called.values()))
    runs = store.runs.unsealed()
    listing = pd.concat([runs.listing(), runs.listing(deleted=True)])
    listing = listing[listing["owner"].isin(list(called))]
    experiments = store.runs.experiments()
    rows = results_table.table(listing, experiments)
    rows["owner"] = [called[owner] for owner in rows["owner"]]
    keys = list(dict.fromkeys(rows["design_key"]))
    fields = pd.DataFrame([results_table.fields(experiments[key]) for key in keys], index=keys)
    epochs = runs.epochs(listing["id"])
    designs = [
        {"owner": called[key], "name": name, "design": json.loads(text)}
        for key in called
        for name, text in store.designs.of(key).items()
    ]
    drawn = own_digits.DigitSet(tuple(store.digits.of(class_id)))
    who = [called.get(key, "teacher") if key else "" for key in guesses["pupil"]]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("people.csv", files.written(people, "CSV"))
        if len(rows):
            archive.writestr("runs.csv", files.written(results_table.whole(rows, fields), "CSV"))
            archive.writestr("best.csv", files.written(_best(rows), "CSV"))
            archive.writestr("epochs.csv", files.written(results_table.whole_epochs(epochs, rows, fields), "CSV"))
        if len(guesses):
            archive.writestr("guesses.csv", files.written(guesses.assign(pupil=who), "CSV"))
        if drawn.digits:
            archive.writestr("own-digits.npz", own_digits.npz(drawn, called))
            archive.writestr("own-digits.png", own_digits.sheet(drawn))
        archive.writestr("designs.json", json.dumps(designs, indent=1, ensure_ascii=False))
    return buffer.getvalue()


def _best(rows: pd.DataFrame) -> pd.DataFrame:
    """The designs by their mean validation accuracy over finished runs, the best first, a row each: who, what, how well."""
    finished = rows[rows["status"] == Status.FINISHED]
    results = ["validation_accuracy", "test_accuracy", "seconds"]
    values = finished.astype(dict.fromkeys(results, float)).groupby(["owner", "design_key"], sort=False)
    means = values[results].mean()
    means.insert(0, "runs", values.size())
    means.insert(0, "parameters", values["parameters"].first())
    means.insert(0, "name", values["name"].first())
    return means.reset_index().drop(columns="design_key").sort_values("validation_accuracy", ascending=False)
