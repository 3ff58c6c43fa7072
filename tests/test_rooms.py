"""Who may import whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = {
    f"mnist_lab.{name}"
    for name in "architecture repairs recipe history editing advice compare keras_script layers statistics receptive_field experiment names settings report errors quick numerals".split()
}
KERAS = {
    f"mnist_lab.{name}"
    for name in "keras_model evaluation fast_forward fourier normalisation optimizers training_step training inspection bench.ways".split()
}
ONLY = {  # a library and the modules that may import it
    "keras": KERAS,
    "tensorflow": KERAS,
    "streamlit": {"app", "pages", "mnist_lab.ui", "mnist_lab.bench.viewers"},
    "sqlalchemy": {
        f"mnist_lab.{name}"
        for name in "database tables shelf queue catalogue errands store migrations bench.many".split()
    },
    "alembic": {"mnist_lab.database", "mnist_lab.migrations"},
    "dask": {"mnist_lab.engine"},
    "distributed": {"mnist_lab.engine"},
    "altair": {f"mnist_lab.{name}" for name in "charts live_charts result_charts inspection_charts".split()},
}


def modules() -> dict[str, ast.Module]:
    files = [ROOT / "app.py", *ROOT.glob("pages/*.py"), *ROOT.glob("mnist_lab/**/*.py")]
    names = {file: ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files}
    return {name: ast.parse(file.read_text(encoding="utf-8")) for file, name in names.items()}


def imports(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


MODULES = modules()


@pytest.mark.parametrize("name", sorted(MODULES))
def test_each_library_stays_in_its_room(name: str) -> None:
    for imported in imports(MODULES[name]):
        rooms = ONLY.get(imported.split(".")[0])
        assert rooms is None or any(name == room or name.startswith(room + ".") for room in rooms), imported


@pytest.mark.parametrize("name", sorted(CORE))
def test_the_core_imports_nothing_of_ours_but_itself(name: str) -> None:
    ours = {imported for imported in imports(MODULES[name]) if imported.startswith("mnist_lab.")}
    assert all(any(i == core or i.startswith(core + ".") for core in CORE) or i == "mnist_lab.layers" for i in ours), (
        ours
    )


def test_nobody_imports_a_page_or_the_interface_from_below() -> None:
    for name, tree in MODULES.items():
        found = imports(tree)
        assert not any(i == "pages" or i.startswith("pages.") for i in found), name
        if not name.startswith(("mnist_lab.ui", "pages", "app")):
            assert not any(i.startswith("mnist_lab.ui") for i in found), name


def test_what_the_server_imports_loads_neither_tensorflow_nor_dask() -> None:
    interface = [name for name in MODULES if name.startswith("mnist_lab.ui.") and name != "mnist_lab.ui.router"]
    code = f"import sys, app, {', '.join(interface)}\nprint([m for m in ('tensorflow', 'keras', 'dask') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"
