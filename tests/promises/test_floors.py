"""The rooms of the package: nothing lower imports anything higher, and there are no circles."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

import mixtura

ROOT = Path(mixtura.__file__).parent

#: From the ground up. Rooms of one floor do not import each other.
FLOORS = [
    {"support"},
    {"inputs"},
    {"display"},
    {"covariance"},
    {"mixture"},
    {"em"},
    {"files"},
    {"rows"},
    {"engines", "sources"},
    {"starts"},
    {"fitting"},
    {"sweep", "inference"},
    {"drawing"},
    {"browser"},
    {"estimators"},
    {"selection", "report", "export"},
    {"plots"},
    {"cli"},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

#: Rooms and files that stand beside the house: tests and data, errors, the native module.
APART = {"datasets", "testing", "errors", "_core", "__init__", "__main__"}


#: Of the native core, from the ground up.
NATIVE = ["support", "model", "simd", "e_step", "m_step", "em", "optimum", "fitting", "python"]
CPP = ROOT.parents[1] / "cpp"


def module_of(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in ROOT.rglob("*.py")}


@cache
def imports(path):
    """Modules of the package that a file imports, lazily too; not those that only a type checker reads."""
    return tuple(_imports(path))


def _imports(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unread = {
        id(node)
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and ast.unparse(test.test) == "TYPE_CHECKING"
        for node in ast.walk(test)
    }
    for node in ast.walk(tree):
        if id(node) in unread or not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        if node.module.split(".")[0] == "mixtura":
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                yield whole if whole in MODULES else node.module


def room_of(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def test_every_room_has_a_floor():
    rooms = {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in MODULES.values()}
    assert rooms - APART == set(FLOOR)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_nothing_imports_upwards(module):
    room = room_of(module)
    if room in APART:
        return
    for imported in imports(MODULES[module]):
        other = room_of(imported)
        if other == room or other in APART:
            continue
        assert FLOOR[other] < FLOOR[room], f"{module} imports {imported}"


@pytest.mark.skipif(not CPP.is_dir(), reason="only where the sources are")
@pytest.mark.parametrize("room", NATIVE)
def test_nothing_native_includes_upwards(room):
    files = [*(CPP / room).glob("*.hpp"), *(CPP / room).glob("*.cpp")]
    assert files
    for file in files:
        for other in re.findall(r'#include "(\w+)/', file.read_text(encoding="utf-8")):
            assert NATIVE.index(other) <= NATIVE.index(room), f"{file.name} includes {other}"


def test_every_native_room_has_a_floor():
    rooms = {path.name for path in CPP.iterdir() if path.is_dir()} if CPP.is_dir() else {"tests"}
    assert rooms - {"tests"} <= set(NATIVE)


def test_no_circles_between_files():
    arrows = defaultdict(set)
    for module, path in MODULES.items():
        is_package = path.name == "__init__.py"
        arrows[module] = set() if is_package else {one for one in imports(path) if one in MODULES}
    done, on_the_way = set(), []

    def visit(module):
        assert module not in on_the_way, " -> ".join([*on_the_way, module])
        if module in done:
            return
        on_the_way.append(module)
        for other in sorted(arrows[module]):
            visit(other)
        on_the_way.pop()
        done.add(module)

    for module in sorted(arrows):
        visit(module)
