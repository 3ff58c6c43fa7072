"""The pages, and their titles in a browser's tab."""

import base64
import re
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from mnist_lab.classroom.rights import STAGE as STAGE_PATH

NAME = "MNIST Lab"
ICON_FILE = Path(__file__).with_name("icon.png")
ICON = f"data:image/png;base64,{base64.b64encode(ICON_FILE.read_bytes()).decode()}"
_SCRIPTS = Path(__file__).parents[2] / "pages"


@dataclass(frozen=True)
class Page:
    """A page, declared once: the menu, the routes, links from other pages, the bench and the tests follow.

    Attributes:
        path: where a browser finds it.
        purpose: what it is for, in a line that fits beside the title.
        icon: in the menu; a page without one is not in it.
        is_teachers: whether it is in the teacher's menu only.
    """

    title: str
    file: str
    path: str
    purpose: str
    icon: str | None = None
    is_teachers: bool = False

    @property
    def script(self) -> Path:
        """Its script, by an absolute path, so that it is found from any entry script."""
        return _SCRIPTS / self.file


DESIGN = Page(
    "Design",
    "design.py",
    "",
    "Shape a network that reads handwritten digits, and see what each choice means.",
    ":material/architecture:",
)
TRAIN = Page(
    "Train",
    "train.py",
    "train",
    "Watch a network learn: how wrong it is (loss) and how often right (accuracy).",
    ":material/monitoring:",
)
RESULTS = Page(
    "Results",
    "results.py",
    "results",
    "Every run made here, newest first: how well it does, and what it cost.",
    ":material/table_chart:",
)
STUDIES = Page(
    "Studies",
    "studies.py",
    "studies",
    "Ask a question, plan it before the first run, and get an answer that holds.",
    ":material/science:",
)
INSPECT = Page(
    "Inspect",
    "inspecting.py",
    "inspect",
    "Look into a trained network: what it answers, where it is wrong, and why.",
    ":material/search_insights:",
)
DIGITS = Page(
    "Digits",
    "digits.py",
    "digits",
    "Draw digits of your own, and see how well networks read them.",
    ":material/draw:",
)
CLASS = Page(
    "Class",
    "class.py",
    "class",
    "Let a class in, lead its lesson, and say what it may do.",
    ":material/groups:",
    is_teachers=True,
)
RUN = Page("Run", "run.py", "run", "Everything known about one run, and what can be done with it.")
COMPARE = Page("Compare", "compare.py", "compare", "Designs side by side: which is better, and how sure that is.")
HANDOUT = Page("Handout", "handout.py", "handout", "What somebody made in a lesson, on a page to print.")
STAGE = Page("Stage", "stage.py", STAGE_PATH, "What the projector shows, as the teacher chooses.")
PAGES = (DESIGN, TRAIN, RESULTS, STUDIES, INSPECT, DIGITS, CLASS, RUN, COMPARE, HANDOUT, STAGE)


def tab(page: str, runs: str | None = None) -> str:
    """The title of a page in the browser's tab: its name and the runs that it shows, by default those in its address."""
    numbers = runs or st.query_params.get("run") or st.query_params.get("runs") or ""
    if not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9}){,5}", numbers):
        numbers = ""
    return f"{page} {numbers.replace(',', ', ')}".rstrip() + f" · {NAME}"
