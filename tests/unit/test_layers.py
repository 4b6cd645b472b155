"""Arrows between rooms go one way, files fit in one sitting, tests stand where what they test stands."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import airflow_provider_amlrest

ROOT = Path(airflow_provider_amlrest.__file__).parent
NAME = airflow_provider_amlrest.__name__
TESTS = Path(__file__).parent

EMULATOR = (
    ("emulator.pytest_plugin",),
    ("emulator.cli", "emulator.testing"),
    ("emulator.server",),
    ("emulator.data_plane", "emulator.runtime"),
    ("emulator.arm",),
    ("emulator.context",),
    ("emulator.sign_in", "emulator.storage"),
    ("emulator.behaviour",),
    (
        *("emulator.answers", "emulator.computes", "emulator.container_log", "emulator.experiments"),
        *("emulator.operations", "emulator.registries", "emulator.tracked"),
    ),
    ("emulator.backends", "emulator.config", "emulator.kinds", "emulator.store"),
    ("emulator",),
)
PROVIDER = (
    ("cli", "get_provider_info", "plugin"),
    ("sensors", "decorators"),
    ("operators",),
    ("triggers",),
    ("lifecycle",),
    ("links",),
    ("hook",),
    ("connection",),
    ("identity",),
    ("rest.poll",),
    ("rest.aio", "rest.client"),
    ("rest.operations", "rest.table"),
    ("rest.runs",),
    ("rest.resources",),
    ("rest.jobs",),
    ("rest.workspace",),
    ("rest.assets",),
    ("rest.reading",),
    ("rest.calls",),
    ("rest.versions",),
    ("rest.ids",),
    ("rest.http",),
    ("rest.times", "rest", "version", "kinds"),
)
ROOMS = (*EMULATOR, *PROVIDER)
"""From above to below: each may import those below it, and no other in its line. A module that is named here
alone stands for itself, a package for all in it. ``rest`` itself only resolves its public names.

The emulator comes first: the provider must not import it. The reverse has a test of its own."""

SPLIT = {"emulator", "rest"}
"""Packages whose modules each need a place of their own in ROOMS."""

LONGEST = 500
"""Lines of a file that fits in one sitting."""


def place(module: str) -> int:
    """The line of ROOMS that a module belongs to."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        for line, rooms in enumerate(ROOMS):
            name = ".".join(parts[:length])
            if name in rooms and (name == module or name not in SPLIT):
                return line
    raise AssertionError(f"{module} has no place in ROOMS")


def room(module: str) -> str:
    line = ROOMS[place(module)]
    return max((name for name in line if f"{module}.".startswith(f"{name}.")), key=len)


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix("__init__").rstrip(".")
        if module:
            yield module, path


def imports(path: Path, *, lazily: bool = True) -> Iterator[str]:
    """What a module of ours imports of ours when it runs.

    :param lazily: in its functions, too, and not only before it is there itself.
    """
    tree = ast.parse(path.read_text())
    left_out = {
        id(inner)
        for node in ast.walk(tree)
        if (isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING")
        or (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not lazily)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or id(node) in left_out:
            continue
        package = (node.module or "").removeprefix(NAME).lstrip(".")
        if not (node.module or "").startswith(NAME):
            continue
        for alias in node.names:
            inner = f"{package}.{alias.name}".lstrip(".")
            path_of_inner = ROOT.joinpath(*inner.split("."))
            is_module = path_of_inner.is_dir() or path_of_inner.with_suffix(".py").exists()
            yield inner if is_module else package


@pytest.mark.parametrize(
    ("module", "path"), modules(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_arrows_go_down(module: str, path: Path) -> None:
    above = {
        target for target in imports(path) if room(target) != room(module) and place(target) <= place(module)
    }
    assert above == set()


def test_no_module_waits_for_itself() -> None:
    """Whichever module is imported first: a triggerer begins with another one than a worker."""
    arrows = {module: set(imports(path, lazily=False)) for module, path in modules()}
    while free := {module for module, targets in arrows.items() if not targets & arrows.keys()}:
        for module in free:
            del arrows[module]
    assert arrows == {}


def test_the_emulator_stands_apart() -> None:
    for path in (ROOT / "emulator").rglob("*.py"):
        assert {target.split(".")[0] for target in imports(path)} <= {"emulator", "version", "kinds"}, path


def test_files_fit_in_one_sitting() -> None:
    folders = (ROOT, TESTS.parent, ROOT.parent / "tools", ROOT.parent / "benchmarks")
    lengths = {
        path: len(path.read_text().splitlines()) for folder in folders for path in folder.rglob("*.py")
    }
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


APART = {"test_layers", "test_imports", "test_provider_info", "test_typed_arguments", "test_end_to_end"}
APART |= {"test_without_airflow"}
"""Tests of the whole."""


@pytest.mark.parametrize(
    ("tests", "package"),
    [(TESTS, ROOT), (TESTS.parent / "emulator", ROOT / "emulator")],
    ids=["unit", "emulator"],
)
def test_tests_stand_where_their_modules_stand(tests: Path, package: Path) -> None:
    homeless = []
    for path in tests.rglob("test_*.py"):
        where = path.relative_to(tests)
        name = where.stem.removeprefix("test_")
        there = any(name.startswith(module.stem) for module in (package / where.parent).glob("*.py"))
        if where.parts[0] != "docs" and path.stem not in APART and not there:
            homeless.append(str(where))
    assert homeless == []
