"""What Airflow's plugin manager finds, in every process of every Airflow."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from airflow_provider_amlrest import plugin

RESERVED = ("/api/v2", "/ui", "/execution", "/auth", "/pluginsv2")


def test_airflow_finds_it() -> None:
    [point] = [point for point in entry_points(group="airflow.plugins") if point.name == "azureml"]
    assert point.load() is plugin.AzureMLPlugin
    plugin.AzureMLPlugin.validate()


@pytest.mark.parametrize(
    ("version", "pages"),
    [
        ("2.11.2", False),
        ("3.0.6", False),
        ("3.1.0", True),
        ("3.3.2", True),
        ("3.10.0rc1", True),
        ("4.0.0.dev0", True),
        ("nonsense", False),
    ],
)
def test_there_are_pages_since_airflow_3_1(
    monkeypatch: pytest.MonkeyPatch, version: str, pages: bool
) -> None:
    monkeypatch.setattr(plugin, "airflow_version", version)
    assert plugin._has_pages() is pages


def test_views_are_as_airflow_wants_them() -> None:
    routes = [view["url_route"] for view in plugin.VIEWS]
    assert len(set(routes)) == len(routes)
    for view in plugin.VIEWS:
        assert view["href"].startswith("azureml/"), "relative to the path that Airflow is served under"
        assert plugin.URL_PREFIX == "/azureml"
    assert not plugin.URL_PREFIX.startswith(RESERVED)
    assert [view["destination"] for view in plugin.VIEWS] == ["nav", "dag_run", "task_instance"]


def test_a_task_process_pays_next_to_nothing() -> None:
    """Neither the pages' server nor the client is imported."""
    code = (
        "import json, sys, airflow.plugins_manager, airflow_provider_amlrest; before = set(sys.modules);"
        "import airflow_provider_amlrest.plugin;"
        "new = [name for name in set(sys.modules) - before if 'amlrest' in name or name == 'fastapi'];"
        "print(json.dumps(new))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = told.stdout.strip().splitlines()[-1]
    assert json.loads(found) == ["airflow_provider_amlrest.plugin"]
