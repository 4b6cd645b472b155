"""The tests that ``make test`` does not repeat on Airflow 2.11: they cannot differ there."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("airflow_provider_amlrest", "tests", "tools")
CONSTRAINTS = [ROOT / "constraints" / f"airflow-{version}.txt" for version in ("3.3", "2.11")]


def places() -> list[str]:
    """Files and folders, as the Makefile has them."""
    text = (ROOT / "Makefile").read_text().replace("\\\n", "")
    [line] = re.findall(r"^WITHOUT_AIRFLOW := (.+)$", text, re.MULTILINE)
    return list(line.split())


def imports(path: Path) -> Iterator[str]:
    """What a module imports, in its functions, too; its own package as well."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else ()
            base = ".".join([*start, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def file_of(name: str) -> Path:
    """The module of ours that a name is, or is in."""
    parts = name.split(".")
    stems = [ROOT.joinpath(*parts[:length]) for length in range(len(parts), 0, -1)]
    files = [file for stem in stems for file in (stem.with_suffix(".py"), stem / "__init__.py")]
    return next(file for file in files if file.exists())


def loaded(place: str) -> set[str]:
    """The packages of others that tests can load, by whatever they import of ours."""
    path = ROOT / place
    to_do = [*path.rglob("*.py"), *([path] if path.is_file() else []), ROOT / "tests" / "conftest.py"]
    done: set[Path] = set()
    packages = set()
    while to_do:
        path = to_do.pop()
        if path in done:
            continue
        done.add(path)
        for name in imports(path):
            top = name.partition(".")[0]
            if top in OURS:
                to_do.append(file_of(name))
            else:
                packages.add(top)
    return packages


@pytest.mark.parametrize("place", places())
def test_they_load_no_airflow(place: str) -> None:
    packages = loaded(place)
    assert "pytest" in packages
    assert "airflow" not in packages


def test_what_they_load_has_the_same_version_on_both() -> None:
    distributions = packages_distributions()
    packages = {package for place in places() for package in loaded(place)} - sys.stdlib_module_names
    names = {name.lower() for package in packages for name in distributions.get(package, ())}
    pins = [
        dict(re.findall(r"^([\w.-]+)==([^\s;]+)", file.read_text(), re.MULTILINE)) for file in CONSTRAINTS
    ]
    assert {"azure-core", "requests", "starlette"} <= names
    newest, oldest = ({name: pin.get(name) for name in names} for pin in pins)
    assert newest == oldest
