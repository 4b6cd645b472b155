"""The table of kinds: each line leads to both modules, and no other module knows a kind by its name."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest

from airflow_provider_amlrest import emulator
from airflow_provider_amlrest.emulator.arm.jobs import kind_of
from airflow_provider_amlrest.emulator.kinds import KINDS, NODES

ROOT = Path(str(emulator.__file__)).parent


@pytest.mark.parametrize("job_type", KINDS)
def test_a_line_leads_to_both_modules(job_type: str) -> None:
    kind = kind_of(job_type)
    assert kind is not None
    assert kind.job_type == job_type
    assert callable(import_module(f"{emulator.__name__}.runtime.{KINDS[job_type]}").make_runner)


@pytest.mark.parametrize("node_type", NODES)
def test_a_type_of_node_leads_to_a_module_and_a_kind(node_type: str) -> None:
    assert NODES[node_type] in KINDS
    found = import_module(f"{emulator.__name__}.arm.jobs.nodes.{node_type}").TYPE
    assert callable(found.properties)


def test_no_other_module_knows_a_kind() -> None:
    own = {ROOT / room / f"{module}.py" for module in KINDS.values() for room in ("arm/jobs", "runtime")}
    strings = {
        (str(path.relative_to(ROOT)), node.value)
        for path in set(ROOT.rglob("*.py")) - own - {ROOT / "kinds.py"}
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in KINDS
    }
    assert strings == set()
