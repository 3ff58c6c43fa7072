"""The tables of the database with the columns that queries use, and the conversion of a row to a `Run`.

The migrations define the tables. The column `deaths` and the table `errands` keep their first names in the database, and
are called crashes and questions here.
"""

from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from mnist_lab.design.naming import named_json
from mnist_lab.store.run import Run, Status


def _table(name: str, columns: str) -> sa.TableClause:
    return sa.table(name, *map(_column, columns.split()))


def _column(name: str) -> sa.ColumnClause[Any]:
    """A column. Of those that take any number, or whatever somebody types as one, the type says that it has 64 bits."""
    is_wide = name in ("id", "seed", "predicted_bytes", "after_run") or name.endswith("_id")
    return sa.column(name, sa.BigInteger) if is_wide else sa.column(name)


_COLUMNS = {"crashes": "deaths"}  # by field of `Run`; the other columns are named as the fields, without `_json`
RUN_FIELDS = {
    field.name: _COLUMNS.get(field.name, field.name.removesuffix("_json"))
    for field in fields(Run)
    if field.name != "is_unrevealed"  # which no column says
}
RUN = _table("runs", " ".join([*RUN_FIELDS.values(), "engine", "edited"]))
CRASHES = RUN.c[RUN_FIELDS["crashes"]]
EPOCHS = _table("epochs", "run_id epoch steps loss accuracy validation_loss validation_accuracy seconds")
BATCHES = _table("batches", "run_id point step loss accuracy seconds")
CHECKPOINTS = _table("checkpoints", "run_id epoch weights step state")
STATES = _table("states", "run_id epoch step state")
SNAPSHOTS = _table("snapshots", "run_id epoch arrays")
PREDICTIONS = _table("predictions", "run_id probabilities")
CALIBRATIONS = _table("calibrations", "host ratios created is_quiet")
DESIGNS = _table("designs", "owner name experiment created")
CHOICES = _table("choices", "owner name value")
RECEIPTS = _table("receipts", "run_id receipt")
NOTICES = _table("notices", "id text")
LOOKS = _table("looks", "design_key number")
QUESTIONS = _table("errands", "id digest kind arguments until askers engine progress is_done error answer")
SECRETS = _table("secrets", "name value")
CLASSES = _table("classes", "id code opened closed ended is_held settings")
PEOPLE = _table("people", "id class_id key name token joined removed is_pretended")
REQUESTS = _table("requests", "token person_id asked admitted")
TURNS = _table("turns", "person served")
STUDY_TURN = " · studies"  # behind a person's key, where it is the turn of their studies
STUDIES = _table("studies", "id owner plan digest cells frozen looked why_looked reused version_of repeats deleted")
STUDY_RUNS = _table("study_runs", "study_id cell seed run_id is_reused")
ROUNDS = _table("rounds", "id class_id plan planned begun ends ended lifted")
REHEARSALS = _table("rehearsals", "id class_id plan begun ended report")
MESSAGES = _table("messages", "id class_id person kind text link sent withdrawn")
MESSAGES_READ = _table("messages_read", "message_id person shown read")
STAGES = _table("stages", "class_id scene changed")
GUESS_QUESTIONS = _table("guess_questions", "id class_id is_for_class asked_by question asked closed outcome shown")
GUESSES = _table("guesses", "question_id person answer why given")
CHALLENGES = _table("challenges", "id class_id rules after_run begun closed revealed")
CHALLENGE_RUNS = _table("challenge_runs", "run_id challenge_id")
DIGITS = _table("digits", "id class_id person label image drawn thrown_out")
LEASE = _table("lease", "id engine host pid process_created heartbeat state")


_UNREVEALED = CHALLENGES.alias("unrevealed")
_LAST_OPEN = (
    sa.select(sa.func.coalesce(sa.func.min(_UNREVEALED.c.after_run), sa.literal(2**63 - 1, sa.BigInteger)))
    .where(_UNREVEALED.c.revealed.is_(None))
    .scalar_subquery()
)


def is_unrevealed(run_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """The condition on a run's id that nobody may see its results on the test images: it was queued after a challenge had
    begun that its teacher has not revealed. The ids of later runs are higher, whatever a clock says."""
    return run_id > _LAST_OPEN


def tested(table: sa.FromClause, name: str) -> sa.ColumnElement[Any]:
    """A run's column that tells of the test images: NULL where nobody may see that yet."""
    return sa.case((is_unrevealed(table.c.id), sa.null()), else_=table.c[name])


OF_TEST = ("test_accuracy", "test_loss")
RUN_COLUMNS = [
    *((tested(RUN, column) if column in OF_TEST else RUN.c[column]).label(name) for name, column in RUN_FIELDS.items()),
    is_unrevealed(RUN.c.id).label("is_unrevealed"),
]


def as_run(row: sa.Row[Any]) -> Run:
    """A row of `RUN_COLUMNS` as a run, under the name that says what it is."""
    values = dict(row._mapping)
    name = named_json(values["name"], values["experiment_json"])
    known = {"status": Status(values["status"]), "name": name, "is_unrevealed": bool(values["is_unrevealed"])}
    return Run(**values | known)
