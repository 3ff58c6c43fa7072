"""The installed package: the command line, data and migrations, without the checkout and without what only pages need."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from mnist_lab import __version__
from tests.builders.processes import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# As on a machine where they are not installed.
NO_PAGES = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"streamlit", "starlette", "uvicorn", "segno", "altair"}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
"""


def requirements(file: str) -> set[str]:
    return {line for line in (ROOT / file).read_text().splitlines() if line and not line.startswith(("#", "-r"))}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing of the building is left in the checkout."""
    source = tmp_path_factory.mktemp("source") / "lab"
    source.mkdir()
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    shutil.copytree(ROOT / "mnist_lab", source / "mnist_lab", ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path_factory.mktemp("wheel")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        str(source),
        "--no-deps",
        "--no-build-isolation",
        "-q",
        "-w",
        str(folder),
    ]
    subprocess.run(pip, check=True, capture_output=True)
    (found,) = folder.glob("*.whl")
    return found


def test_what_is_required_is_said_in_one_way() -> None:
    extras = PROJECT["optional-dependencies"]
    assert requirements("requirements.txt") == {*PROJECT["dependencies"], *extras["app"]}
    assert set(extras["postgresql"]) <= requirements("tests/requirements.txt")


def test_the_wheel_has_all_files_of_the_package(wheel: Path) -> None:
    ours = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "mnist_lab").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        theirs = {name for name in archive.namelist() if name.startswith("mnist_lab/")}
    assert theirs == ours
    assert wheel.name.startswith(f"mnist_lab-{__version__}-")


def test_a_worker_without_streamlit_trains_from_the_installed_package(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", str(wheel), "--no-deps", "-q", "--target", str(installed)]
    subprocess.run(pip, check=True, capture_output=True)
    (installed / "sitecustomize.py").write_text(NO_PAGES)
    url = f"sqlite:///{tmp_path / 'lab.db'}"
    environment = os.environ | {"PYTHONPATH": str(installed), "MNIST_LAB_DATABASE_URL": url}

    def command(*words: str) -> str:
        done = subprocess.run(
            [str(installed / "bin" / "mnist-lab"), *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "3x3" in command("presets")
    where = subprocess.run(
        [sys.executable, "-c", "import mnist_lab.engine.worker.run as run; print(run.__file__)"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(installed)), "not the checkout"
    shown = command("train", "--preset", "fast", "--epochs", "1", "--train-images", "1000")
    assert re.search(r"\d+\.\d+", shown)
    assert "fast" in command("runs")
