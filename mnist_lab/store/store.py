"""The store: one database, and for each of its subjects a repository.

The store is the queue and the only channel between training and everything that looks at it. One writer a run: the
worker that trains it. A run that has ended never changes; one that was paused or interrupted can be resumed.

It does not train, start processes or know TensorFlow; weights are arrays by name. Times are seconds since 1970 (UTC).
"""

from mnist_lab.store.calibrations import Calibrations
from mnist_lab.store.checkpoints import Checkpoints
from mnist_lab.store.choices import Choices
from mnist_lab.store.database import Database
from mnist_lab.store.designs import Designs
from mnist_lab.store.labels import Labels
from mnist_lab.store.lease import Leases
from mnist_lab.store.notices import Notices
from mnist_lab.store.questions import Questions
from mnist_lab.store.queue import Queue
from mnist_lab.store.receipts import Receipts
from mnist_lab.store.recording import Recording
from mnist_lab.store.runs import Runs


class Store:
    """All that is kept, in one open database.

    Args:
        url: as of `Database`.

    Raises:
        StoreError: as of `Database`; so does any method of a repository.

    Attributes:
        runs, checkpoints, labels, receipts: what there is of runs.
        queue, lease, recording: how they come to be trained, by whom, and what the worker writes of them.
        questions: what pages ask workers about trained networks.
        designs, choices, notices, calibrations: what is kept beside them.
    """

    def __init__(self, url: str | None = None) -> None:
        self.database = Database(url)
        self.runs = Runs(self.database)
        self.checkpoints = Checkpoints(self.database)
        self.labels = Labels(self.database)
        self.receipts = Receipts(self.database)
        self.queue = Queue(self.database)
        self.lease = Leases(self.database)
        self.recording = Recording(self.database)
        self.questions = Questions(self.database)
        self.designs = Designs(self.database)
        self.choices = Choices(self.database)
        self.notices = Notices(self.database)
        self.calibrations = Calibrations(self.database)

    @property
    def url(self) -> str:
        """Where it is."""
        return self.database.url

    def close(self) -> None:
        """Give all connections back."""
        self.database.close()
