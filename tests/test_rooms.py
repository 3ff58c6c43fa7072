"""Who may import whom: imports go downwards only, and each library is known to the packages whose subject it is."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# From the top floor down. What stands on one floor does not know its neighbours.
FLOORS = [
    {"app", "pages", "mnist_lab.__main__"},
    {"mnist_lab.cli"},
    {"mnist_lab.bench"},
    {"mnist_lab.ui"},
    {"mnist_lab.lab", "mnist_lab.engine"},
    {"mnist_lab.studying", "mnist_lab.lesson"},
    {"mnist_lab.reader", "mnist_lab.takeaway", "mnist_lab.starting"},
    {"mnist_lab.studies"},
    {"mnist_lab.inspection", "mnist_lab.results", "mnist_lab.classroom"},
    {"mnist_lab.store", "mnist_lab.charts"},
    {"mnist_lab.training"},
    {"mnist_lab.data"},
    {"mnist_lab.design"},
    {"mnist_lab.person", "mnist_lab.workers"},
    {
        "mnist_lab.settings",
        "mnist_lab.names",
        "mnist_lab.numerals",
        "mnist_lab.clock",
        "mnist_lab.machine",
    },
    {"mnist_lab", "mnist_lab.errors"},
]
# Within the interface: a page's components may use those of a page further down.
ROOMS = [
    "mnist_lab.ui.router",
    "mnist_lab.ui.lesson",
    "mnist_lab.ui.inspect",
    "mnist_lab.ui.studies",
    "mnist_lab.ui.results",
    "mnist_lab.ui.train",
    "mnist_lab.ui.design",
    "mnist_lab.ui.classroom",
    "mnist_lab.ui",
]
LIBRARIES = {
    "keras": {"mnist_lab.training", "mnist_lab.inspection", "mnist_lab.bench"},
    "tensorflow": {"mnist_lab.training", "mnist_lab.inspection", "mnist_lab.bench"},
    "streamlit": {"app", "pages", "mnist_lab.ui", "mnist_lab.bench"},
    "sqlalchemy": {"mnist_lab.store", "mnist_lab.bench"},
    "alembic": {"mnist_lab.store"},
    "dask": {"mnist_lab.engine.cluster"},
    "distributed": {"mnist_lab.engine.cluster"},
    "altair": {"mnist_lab.charts"},
}


def modules() -> dict[str, ast.Module]:
    files = [ROOT / "app.py", *ROOT.glob("pages/*.py"), *ROOT.glob("mnist_lab/**/*.py")]
    names = {file: ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files}
    return {name: ast.parse(file.read_text(encoding="utf-8")) for file, name in names.items()}


MODULES = modules()


def imports(name: str) -> set[str]:
    """What a module imports: modules of ours, and the libraries' top packages."""
    found = set()
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            inner = {f"{module}.{alias.name}" for alias in node.names} & MODULES.keys()
            found |= inner or {module}
    return found


def within(name: str, rooms: set[str]) -> bool:
    return any(name == room or (room != "mnist_lab" and name.startswith(room + ".")) for room in rooms)


def floor(name: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if within(name, rooms))


def room(name: str) -> str:
    return next(r for r in FLOORS[floor(name)] if within(name, {r}))


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_go_downwards_only(name: str) -> None:
    for imported in imports(name) & MODULES.keys():
        if floor(imported) <= floor(name):
            assert room(imported) == room(name), imported


@pytest.mark.parametrize("name", sorted(name for name in MODULES if name.startswith("mnist_lab.ui")))
def test_components_of_a_page_know_those_of_pages_further_down(name: str) -> None:
    def room_of(module: str) -> int:
        return next(number for number, r in enumerate(ROOMS) if within(module, {r}))

    for imported in imports(name):
        if imported.startswith("mnist_lab.ui"):
            assert room_of(imported) >= room_of(name), imported


@pytest.mark.parametrize("name", sorted(MODULES))
def test_each_library_stays_in_its_room(name: str) -> None:
    for imported in imports(name):
        rooms = LIBRARIES.get(imported.split(".")[0])
        assert rooms is None or within(name, rooms), imported


def is_state(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "session_state"


def spelt(key: ast.expr) -> str:
    """A key of the session's state as a module spells it, with `{}` for what is filled in; empty where it asks for it."""
    parts = key.values if isinstance(key, ast.JoinedStr) else [key]
    text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
    return text if text.strip("{}-.") else ""


def keys(name: str) -> set[str]:
    """Keys of the session's state that a module spells: where it reads or writes them, and those of its widgets."""
    constants: dict[str, ast.expr] = {}
    for statement in MODULES[name].body:
        if isinstance(statement, ast.Assign):
            (target,), value = statement.targets, statement.value
            several = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
            pairs = zip(target.elts, value.elts, strict=True) if several else [(target, value)]
            constants |= {one.id: given for one, given in pairs if isinstance(one, ast.Name)}
    found: list[ast.expr] = []
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Subscript) and is_state(node.value):
            found.append(node.slice)
        elif isinstance(node, ast.Compare) and any(map(is_state, node.comparators)):
            found.append(node.left)
        elif isinstance(node, ast.Call):
            found += [keyword.value for keyword in node.keywords if keyword.arg == "key"]
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if isinstance(node.func, ast.Attribute) and is_state(node.func.value):
                found.append(node.args[0])
            elif called in KEY_IS_ARGUMENT and len(node.args) > KEY_IS_ARGUMENT[called]:
                found.append(node.args[KEY_IS_ARGUMENT[called]])
    named = [constants.get(key.id, key) if isinstance(key, ast.Name) else key for key in found]
    return {text for key in named if isinstance(key, ast.Constant | ast.JoinedStr) and (text := spelt(key))}


KEY_IS_ARGUMENT = {"bound": 0, "_bound": 0, "with_selected": 1, "gone": 1, "notify_if_gone": 1, "pressed_once": 1}


def test_a_key_of_the_sessions_state_is_spelt_in_one_module() -> None:
    interface = [name for name in MODULES if name.startswith(("pages.", "mnist_lab.ui."))]
    spelling = {name: keys(name) for name in interface}
    everything = sorted(key for found in spelling.values() for key in found)
    assert {"watched", "history", "seeds", "archived", "stop-{}", "preset", "train"} <= set(everything)
    twice = {key: [name for name in interface if key in spelling[name]] for key in everything}
    assert {key: names for key, names in twice.items() if len(names) > 1} == {}


READS = {
    "runs": {"epochs", "batches", "probabilities"},
    "checkpoints": {"epochs", "pictured", "snapshot"},
    "trained": {"probabilities"},
    "questions": {"get", "answer", "cancel"},
    "looks": {"numbers"},
    "notices": {"all"},
    "database": {"free_bytes"},
}


@pytest.mark.parametrize("name", sorted(name for name in MODULES if name.startswith(("pages.", "mnist_lab.ui"))))
def test_what_changes_something_goes_through_the_lab_which_asks_who_wants_it(name: str) -> None:
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
            within_store = node.value.value
            if isinstance(within_store, ast.Attribute) and within_store.attr == "store":
                assert node.attr in READS.get(node.value.attr, set()), f"store.{node.value.attr}.{node.attr}"


def test_every_chart_is_drawn_in_the_quiet_style_but_the_diagram_which_has_its_own() -> None:
    draws = {
        name
        for name, module in MODULES.items()
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute) and node.attr in ("altair_chart", "vega_lite_chart")
    }
    assert draws == {"mnist_lab.ui.figure", "mnist_lab.ui.design.picture"}


def test_what_the_server_imports_loads_neither_tensorflow_nor_dask() -> None:
    interface = [name for name in MODULES if name.startswith("mnist_lab.ui.") and name != "mnist_lab.ui.router"]
    code = f"import sys, app, {', '.join(interface)}\nprint([m for m in ('tensorflow', 'keras', 'dask') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"
