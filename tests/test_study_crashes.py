"""A study while its server, its engine, its workers and its store are lost again and again: every run, and the answer, are
those of an undisturbed one."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from mnist_lab.design.experiment import Experiment
from mnist_lab.errors import InputError, StoreError
from mnist_lab.lab import Lab
from mnist_lab.store.run import Status
from mnist_lab.store.store import Store
from mnist_lab.studies import file
from mnist_lab.studies.file import StudyFile
from mnist_lab.studies.findings import Findings
from mnist_lab.studies.plan import Plan
from tests.builders import processes
from tests.builders.processes import all_gone, family, wait_until
from tests.builders.runs import ADA
from tests.builders.studies import small_plan

T = 600.0


def ended(lab: Lab, study_id: int) -> bool:
    """Whether all its runs have ended; those that were given up are resumed, as a person would."""
    counts = lab.studies.get(study_id, by=ADA).counts
    if counts.get(Status.INTERRUPTED):
        lab.studies.resume(study_id, by=ADA)
    return lab.studies.get(study_id, by=ADA).is_complete


def results(lab: Lab, study_id: int) -> tuple[Findings, StudyFile]:
    return lab.studies.findings(study_id, by=ADA), file.read(lab.studies.file(study_id, by=ADA))


def assert_nothing_is_seen(lab: Lab, study_id: int) -> None:
    if lab.studies.get(study_id, by=ADA).is_sealed:
        reader = lab.reader(ADA)
        assert reader.active() == reader.runs.all() == []
        with pytest.raises(InputError, match=r"nobody has looked|has ended"):
            lab.studies.findings(study_id, by=ADA)


class Victims:
    """What is lost, and how it comes back."""

    def __init__(self, store: Store, place: Path) -> None:
        self.store, self.place = store, place
        self.servers = contextlib.ExitStack()
        self.serve()

    def serve(self) -> None:
        self.server = self.servers.enter_context(processes.server(self.store.url))
        wait_until(lambda: (lease := self.store.lease.current()) and lease.is_live, "an engine serves", T)

    def lose_server(self) -> None:
        """With its engine, as where the power fails."""
        members = self.server.family()
        for member in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        wait_until(lambda: all_gone(members), "nothing of it is left")
        self.servers.close()
        self.serve()

    def lose_engine(self) -> None:
        lease = self.store.lease.current()
        members = family(lease.pid)
        members[0].kill()
        wait_until(lambda: (new := self.store.lease.current()) and new.pid != lease.pid, "another serves", T)

    def lose_worker(self) -> None:
        members = family(self.store.lease.current().pid)[1:]
        if members:
            max(members, key=lambda process: process.memory_info().rss).kill()

    def lose_store(self) -> None:
        """Its disk is away for some seconds."""
        elsewhere = self.place.with_name("drawer")
        self.store.close()
        self.place.rename(elsewhere)
        time.sleep(4)
        elsewhere.rename(self.place)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[tuple[Lab, Victims]]:
    place = folder / "stick"
    place.mkdir(parents=True)
    store = Store(f"sqlite:///{place / 'lab.db'}")
    lab = Lab(store.url)
    victims = Victims(store, place)
    try:
        yield lab, victims
    finally:
        victims.servers.close()
        lab.store.close()
        store.close()


def patiently(do: Callable[[], object]) -> None:
    """Do something as soon as the store can be used."""

    def is_done() -> bool:
        try:
            do()
        except StoreError:
            return False
        return True

    wait_until(is_done, "the store can be used")


@pytest.fixture
def plan(small: Experiment) -> Plan:
    """Six runs of some seconds each, with all that has a state."""
    recipe = small.recipe.model_dump() | {"epochs": 12, "augmentation": {"shift": 2}, "moving_average": 0.9}
    return small_plan(small.with_changes(recipe=recipe, train_images=5000))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_study_that_is_disturbed_at_random_moments_has_the_same_runs_and_the_same_answer(
    tmp_path: Path, plan: Plan
) -> None:
    with served(tmp_path / "one") as (lab, _):
        study_id = lab.studies.start(plan, by=ADA)
        wait_until(lambda: ended(lab, study_id), "the undisturbed study ends", T)
        expected, receipts = results(lab, study_id)
    generator = np.random.default_rng(20)
    kinds = ["engine", "store", "worker", "server"]
    lost = []
    with served(tmp_path / "other") as (lab, victims):
        study_id = lab.studies.start(plan, by=ADA)
        for kind in [*kinds, *generator.choice(kinds, 4)]:
            wait_until(
                lambda: ended(lab, study_id) or lab.studies.get(study_id, by=ADA).counts.get(Status.RUNNING),
                "it trains",
                T,
            )
            if ended(lab, study_id):
                break
            time.sleep(generator.uniform(0, 3))  # anywhere within an epoch, a report, a checkpoint, between two runs
            patiently(lambda: assert_nothing_is_seen(lab, study_id))
            getattr(victims, f"lose_{kind}")()
            lost.append(kind)
            patiently(lambda: assert_nothing_is_seen(lab, study_id))
        wait_until(lambda: ended(lab, study_id), "the study ends", T)
        found, its_receipts = results(lab, study_id)
    print(f"lost: {', '.join(lost)}")
    assert set(lost) == set(kinds)
    assert found.is_unseen
    assert set(found.runs["status"]) == {"finished"}
    assert found.runs.drop(columns=["run", "seconds"]).equals(expected.runs.drop(columns=["run", "seconds"]))
    assert (found.digest, found.answer().words, found.answer().test) == (
        expected.digest,
        expected.answer().words,
        expected.answer().test,
    )
    for ours, theirs in zip(its_receipts.runs, receipts.runs, strict=True):
        assert ours.receipt.predictions_sha256 == theirs.receipt.predictions_sha256, (ours.cell, ours.seed)
        logs = [[vars(line) | {"seconds": 0} for line in one.receipt.epochs] for one in (ours, theirs)]
        assert logs[0] == logs[1]
