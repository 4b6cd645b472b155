"""The table of kinds: each line leads to both modules, and no other module knows a kind by its name."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest

from airflow_provider_amlrest import emulator
from airflow_provider_amlrest.emulator.arm.jobs import all_kinds, kind_of
from airflow_provider_amlrest.emulator.kinds import NODES
from airflow_provider_amlrest.kinds import KINDS

ROOT = Path(str(emulator.__file__)).parent
TYPES = [kind.job_type for kind in all_kinds()]


@pytest.mark.parametrize("name", KINDS)
def test_a_line_leads_to_both_modules(name: str) -> None:
    kind = kind_of(name)
    assert kind is not None
    assert kind.job_type.lower() == name
    assert callable(import_module(f"{emulator.__name__}.runtime.{name}").make_runner)


@pytest.mark.parametrize("node_type", NODES)
def test_a_type_of_node_leads_to_a_module_and_a_kind(node_type: str) -> None:
    assert NODES[node_type] in TYPES
    found = import_module(f"{emulator.__name__}.arm.jobs.nodes.{node_type}").TYPE
    assert callable(found.properties)


def test_no_other_module_knows_a_kind() -> None:
    own = {ROOT / room / f"{module}.py" for module in KINDS for room in ("arm/jobs", "runtime")}
    strings = {
        (str(path.relative_to(ROOT)), node.value)
        for path in set(ROOT.rglob("*.py")) - own - {ROOT / "kinds.py"}
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in TYPES
    }
    assert strings == set()
