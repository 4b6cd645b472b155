"""The list in docs/emulator.md of what the emulator does not do is complete.

Every operation of Microsoft's OpenAPI files that the emulator has no route for, and every type that it
refuses, is named there.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from airflow_provider_amlrest.emulator.arm import jobs
from airflow_provider_amlrest.emulator.config import NAMESPACE
from airflow_provider_amlrest.emulator.server import gateway
from tests.contract import openapi

PAGE = Path(__file__).resolve().parents[2] / "docs" / "emulator.md"
SECTION = PAGE.read_text().partition("\n## What it does not do\n")[2].partition("\n## ")[0]
NAMED = set(re.findall(r"`([^`]+)`", SECTION))
SCOPES = {
    "/workspaces/{workspaceName}": gateway.COMPILED,
    "/registries/{registryName}": gateway.COMPILED_OF_REGISTRIES,
}


def has_route(method: str, path: str) -> bool:
    for scope, routes in SCOPES.items():
        _, inside, rest = path.partition(scope)
        if inside:
            own = re.sub(r"\{\w+\}", "x", rest.strip("/"))
            return any(method == known and pattern.fullmatch(own) for known, pattern, _ in routes)
    return False


def missing() -> list[tuple[str, str, str]]:
    """(api-version, method, path) of the operations that are answered 501."""
    found = []
    for version in openapi.FILES:
        for path, methods in openapi.paths(version).items():
            found += [
                (version, method.upper(), path)
                for method in methods
                if method in ("get", "put", "post", "patch", "delete") and not has_route(method.upper(), path)
            ]
    return found


def words(method: str, path: str) -> tuple[str, ...]:
    """Under which names an operation may be listed: its collection, its action, its method on either."""
    rest = path.partition(NAMESPACE)[2]
    for scope in SCOPES:
        rest = rest.replace(f"{scope}/", "/")
    names = [part for part in rest.split("/") if part and not part.startswith("{")]
    return (*names, f"{method} {names[0]}")


def test_every_operation_without_a_route_is_listed() -> None:
    gone = missing()
    assert len(gone) > 100, "it is a long list"
    assert [entry for entry in gone if not NAMED.intersection(words(*entry[1:]))] == []


def test_nothing_is_listed_that_there_is() -> None:
    """A collection that is listed as a whole has no route."""
    for name in NAMED:
        if re.fullmatch(r"[a-z][A-Za-z]+", name) and name not in ("computes", "datastores"):
            assert not any(has_route("GET", f"{scope}/{name}") for scope in SCOPES), name


@pytest.mark.parametrize(
    "what",
    [
        what
        for path in sorted(Path(jobs.__file__).parent.glob("*.py"))
        for what in re.findall(r'NotEmulated\(\s*"([^"]+)"', path.read_text())
    ],
)
def test_every_type_that_is_refused_is_listed(what: str) -> None:
    assert (what.removeprefix("jobs of the type ") if "type" in what and "jobs" in what else what) in SECTION
