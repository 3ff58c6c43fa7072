"""Studies that come with the lab: the kernel question, asked in three ways and answered with receipts.

They are files as any study is taken away in, and only read: their runs are in no table and in no mean. Beside them stand
the figures of others who asked the same.
"""

import functools
from pathlib import Path

from mnist_lab.studies.file import StudyFile, read

_FOLDER = Path(__file__).with_name("published")
KERNELS = {
    "all else the same": "kernels-everything-equal.json",
    "equal parameters": "kernels-equal-parameters.json",
    "equal multiply-adds": "kernels-equal-multiply-adds.json",
}  # by what is held equal
# What they come to; a test holds each clause against their figures.
ANSWER = (
    "In a small network that is trained briefly, yes. With all else the same, 5×5 and 7×7 kernels are better than 3×3 by 0.7 and 0.8 points; "
    "at equal parameters by 0.3; at equal computation no difference is shown. 2×2 kernels are worse than 3×3 by 0.9 points at equal cost."
)
# Test accuracy of single networks by kernel size: An, Lee, Park, Yang and So, "An ensemble of simple convolutional neural
# network models for MNIST digit recognition" (2020, arXiv 2008.10400): one recipe, but the larger the kernels, the fewer and
# wider the layers (ten of 3×3, five of 5×5, four of 7×7).
ENSEMBLE_STUDY = {"3×3": 0.99699, "5×5": 0.99692, "7×7": 0.99703}


def data(equal: str) -> bytes:
    """One of the three studies of kernel size as a file.

    Args:
        equal: a key of `KERNELS`.
    """
    return (_FOLDER / KERNELS[equal]).read_bytes()


@functools.cache
def kernels(equal: str) -> StudyFile:
    """The same, read."""
    return read(data(equal))
