"""The store: one database, with a repository for each of its subjects.

It is the queue, and the only channel between training and everything that displays it. A run has one writer, the worker
that trains it. The result of an ended run never changes; a paused or interrupted run can be resumed.

The store does not train, does not start processes, and does not depend on TensorFlow: weights are arrays by name. Times
are in seconds since 1970 (UTC).
"""

from mnist_lab.store.calibrations import Calibrations
from mnist_lab.store.challenges import Challenges
from mnist_lab.store.checkpoints import Checkpoints
from mnist_lab.store.choices import Choices
from mnist_lab.store.classes import Classes
from mnist_lab.store.database import Database
from mnist_lab.store.designs import Designs
from mnist_lab.store.digits import Digits
from mnist_lab.store.guesses import Guesses
from mnist_lab.store.labels import Labels
from mnist_lab.store.lease import Leases
from mnist_lab.store.looks import Looks
from mnist_lab.store.messages import Messages
from mnist_lab.store.notices import Notices
from mnist_lab.store.people import People
from mnist_lab.store.questions import Questions
from mnist_lab.store.queue import Queue
from mnist_lab.store.receipts import Receipts
from mnist_lab.store.recording import Recording
from mnist_lab.store.rounds import Rounds
from mnist_lab.store.runs import Runs
from mnist_lab.store.secrets import Secrets
from mnist_lab.store.stages import Stages
from mnist_lab.store.standings import Standings
from mnist_lab.store.studies import Studies
from mnist_lab.store.trained import Trained


class Store:
    """The repositories over one open database.

    Args:
        url: as of `Database`.

    Raises:
        StoreError: as `Database`; so does any method of a repository.

    Attributes:
        runs, checkpoints, labels, receipts: runs and what belongs to them.
        trained: networks to look into, of runs and the ready-made one.
        queue, lease, recording: which runs are to be trained, which engine trains them, and what its workers record.
        challenges: of a class, with the runs that are entered in them.
        studies: frozen plans, and which runs are theirs.
        questions: questions of pages to trained networks.
        classes, people, secrets: a class in one room, who is in it, and how its browsers are known.
        rounds: rounds of a lesson, and their rehearsals.
        digits: drawings of a class, or of whoever is alone, with their labels.
        guesses: questions about what is still to be measured, and the answers to them.
        standings, messages: how a class stands, and what its teacher has sent.
        stages: what stands on a class's stage.
        designs, looks, choices, notices, calibrations: what is independent of runs.
    """

    def __init__(self, url: str | None = None) -> None:
        self.database = Database(url)
        self.runs = Runs(self.database)
        self.checkpoints = Checkpoints(self.database)
        self.trained = Trained(self.runs, self.checkpoints)
        self.labels = Labels(self.database)
        self.receipts = Receipts(self.database)
        self.queue = Queue(self.database)
        self.lease = Leases(self.database)
        self.recording = Recording(self.database)
        self.studies = Studies(self.database)
        self.challenges = Challenges(self.database)
        self.questions = Questions(self.database)
        self.classes = Classes(self.database)
        self.people = People(self.database)
        self.secrets = Secrets(self.database)
        self.rounds = Rounds(self.database)
        self.digits = Digits(self.database)
        self.guesses = Guesses(self.database)
        self.standings = Standings(self.database)
        self.messages = Messages(self.database)
        self.stages = Stages(self.database)
        self.designs = Designs(self.database)
        self.looks = Looks(self.database)
        self.choices = Choices(self.database)
        self.notices = Notices(self.database)
        self.calibrations = Calibrations(self.database)

    @property
    def url(self) -> str:
        """The URL of the database."""
        return self.database.url

    def close(self) -> None:
        """Close all connections."""
        self.database.close()
