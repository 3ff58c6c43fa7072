"""The stage: what the projector shows while the teacher is elsewhere. The teacher chooses it, all who are in may look at it.

Kinds of things that stand on it are scenes, `welcome` and `race` and others. What a scene needs is plain data, which a model
checks where `DATA` has one; each scene keeps its data while another one stands there.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator

from mnist_lab.classroom.rights import TEACHER_ONLY, Rights, rights
from mnist_lab.data import drawing
from mnist_lab.errors import InputError, NotAllowedError, sentence
from mnist_lab.person import Kind, Person
from mnist_lab.store import ready_made, secrets
from mnist_lab.store.classes import Class
from mnist_lab.store.store import Store

MOST_RUNS = 6
MOST_NETWORKS = 4
MOST_BYTES = 20_000  # of a scene's data
_MOST_SCENES = 20

Scheme = Literal["system", "light", "dark"]
AccuracyFrom = Literal[0, 80, 90, 95, 98]
LossTo = Literal["0.05", "0.1", "0.2", "0.5", "1", "2.5"]
RunId = Annotated[int, Field(ge=1, lt=2**63)]


class _Data(BaseModel):
    """What a scene needs; what it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Welcome(_Data):
    """The way into the class.

    Attributes:
        address: where others find this server, one of its own; None for the likeliest.
    """

    address: Annotated[str, Field(max_length=200)] | None = None


class Race(_Data):
    """Runs in one chart.

    Attributes:
        runs: their ids.
        metric: of the validation images.
        accuracy_from: where the axis of accuracy begins, in per cent.
        loss_to: where the axis of loss ends.
    """

    runs: Annotated[tuple[RunId, ...], Field(max_length=MOST_RUNS)] = ()
    metric: Literal["accuracy", "loss"] = "accuracy"
    accuracy_from: AccuracyFrom = 0
    loss_to: LossTo = "0.5"

    @field_validator("runs")
    @classmethod
    def _each_once(cls, runs: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(runs))


class Board(_Data):
    """The class's best designs.

    Attributes:
        who: whether pupils stand there by their names, their pseudonyms, or not at all.
        cost: which cost stands beside the accuracy.
    """

    who: Literal["names", "pseudonyms", "nobody"] = "pseudonyms"
    cost: Literal["parameters", "multiply_adds", "seconds"] = "parameters"


class Front(_Data):
    """Accuracy against cost.

    Attributes:
        cost: along which designs are drawn.
        accuracy_from: where the axis of accuracy begins, in per cent.
    """

    cost: Literal["parameters", "multiply_adds", "seconds", "bytes"] = "parameters"
    accuracy_from: AccuracyFrom = 0


class Answered(_Data):
    """What a network said.

    Attributes:
        run: the network's, or that of the one that ships with the lab.
        epoch: after which it was asked; None for its kept weights.
        probabilities: of the ten digits.
    """

    run: Annotated[int, Field(ge=0, lt=2**63)] = ready_made.ID
    epoch: Annotated[int, Field(ge=1, le=100_000)] | None = None
    probabilities: Annotated[tuple[Annotated[float, Field(ge=0, le=1)], ...], Field(min_length=10, max_length=10)]


class Drawing(_Data):
    """A digit that somebody drew, with what networks said of it then.

    Attributes:
        image: as of `drawing.as_text`; empty while none was shown.
        answers: of each network.
    """

    image: Annotated[str, Field(max_length=2000)] = ""
    answers: Annotated[tuple[Answered, ...], Field(max_length=MOST_NETWORKS)] = ()

    @field_validator("image")
    @classmethod
    def _is_one(cls, image: str) -> str:
        if image:
            try:
                drawing.from_text(image)
            except InputError as error:
                raise ValueError(str(error)) from None
        return image


DATA: dict[str, type[BaseModel]] = {
    "welcome": Welcome,
    "race": Race,
    "board": Board,
    "front": Front,
    "drawing": Drawing,
}
FIRST = "welcome"
Name = Annotated[str, Field(pattern="^[a-z][a-z-]{0,29}$")]


class Staged(BaseModel):
    """What stands on a stage.

    Attributes:
        scene: the one that is shown.
        scheme: light or dark, or as the projector's browser is set.
        data: of each scene that was ever chosen.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    scene: Name = FIRST
    scheme: Scheme = "system"
    data: Annotated[dict[Name, dict[str, JsonValue]], Field(max_length=_MOST_SCENES)] = {}

    def of(self, scene: str) -> dict[str, Any]:
        """A scene's data, with the defaults of what was not chosen."""
        kept = self.data.get(scene, {})
        model = DATA.get(scene)
        if model is None:
            return dict(kept)
        try:
            return model.model_validate(kept).model_dump(mode="json")
        except ValidationError:  # of another version
            return model().model_dump(mode="json")


class Stage:
    """The use cases of the stage in an open store.

    Raises:
        NotAllowedError: from any method, where whoever asks may not.
        InputError: from what changes something, where no class is on.
        StoreError: from any method, where the database cannot be used.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def now(self, *, by: Person) -> Staged | None:
        """What stands on the stage, for everybody who is in; None where no class is on."""
        room = rights(self._store, by).room
        return None if room is None else _read(self._store.stages.get(room.id))

    def show(self, scene: str, data: Mapping[str, Any] | None = None, *, by: Person) -> None:
        """Put a scene on the stage.

        Args:
            data: what it needs; what it had when it stood there last, where None.

        Raises:
            InputError: it is no scene's name, or the data are not what it needs, or of runs that are not there.
        """
        who, room = self._taught(by)
        checked = None if data is None else self._checked(scene, data, who)

        def change(before: str | None) -> str:
            staged = _read(before)
            kept = staged.data if checked is None else staged.data | {scene: checked}
            return _validated({"scene": scene, "scheme": staged.scheme, "data": kept}).model_dump_json()

        self._store.stages.change(room.id, change)

    def light(self, scheme: str, *, by: Person) -> None:
        """Show the stage light or dark, or as the projector's browser is set.

        Raises:
            InputError: it is none of these.
        """
        _, room = self._taught(by)

        def change(before: str | None) -> str:
            return _validated(_read(before).model_dump() | {"scheme": scheme}).model_dump_json()

        self._store.stages.change(room.id, change)

    def token(self, *, by: Person) -> str:
        """What the link has at its end by which a browser becomes a looker-on of this class."""
        _, room = self._taught(by)
        return self._store.secrets.get(secrets.of_stage(room.id))

    def renew(self, *, by: Person) -> None:
        """Give the stage another link: browsers that came by the last one are strangers from now on."""
        _, room = self._taught(by)
        self._store.secrets.set(secrets.of_stage(room.id), secrets.new())

    def _taught(self, by: Person) -> tuple[Rights, Class]:
        if by.kind is not Kind.TEACHER:
            raise NotAllowedError(TEACHER_ONLY)
        who = rights(self._store, by)
        if who.room is None:
            raise InputError("Stage: there is none while no class is on; open one first.")
        return who, who.room

    def _checked(self, scene: str, data: Mapping[str, Any], who: Rights) -> dict[str, Any]:
        """A scene's data as they are stored."""
        model = DATA.get(scene)
        found: dict[str, Any] = dict(data)
        if model is not None:
            try:
                found = model.model_validate(data).model_dump(mode="json")
            except ValidationError as error:
                raise InputError(sentence(error)) from None
        try:
            size = len(json.dumps(found))
        except (TypeError, ValueError):
            raise InputError(
                f"Stage: what scene {scene[:30]!r} needs should be plain data; received another kind."
            ) from None
        if size > MOST_BYTES:
            raise InputError(f"Stage: a scene's data should have at most {MOST_BYTES:,} bytes; received {size:,}.")
        wanted = [*found.get("runs", ()), *(answer["run"] for answer in found.get("answers", ()))] if model else []
        seen = who.seen(self._store.runs).some(run for run in wanted if run != ready_made.ID)
        for run in wanted:
            if run != ready_made.ID and (run not in seen or seen[run].deleted):
                raise InputError(f"Run {run}: it cannot be shown, for it is deleted, sealed in a study, or not there.")
        return found


def _read(stored: str | None) -> Staged:
    """What a store holds; a stage as new where another version has left something else."""
    try:
        return Staged() if stored is None else Staged.model_validate_json(stored)
    except ValidationError:
        return Staged()


def _validated(staged: dict[str, Any]) -> Staged:
    try:
        return Staged.model_validate(staged)
    except ValidationError as error:
        raise InputError(sentence(error)) from None
