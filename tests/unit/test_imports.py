"""Parsing a DAG is free: what importing the operators loads, beside what Airflow loads anyway."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

AIRFLOW = """
from airflow.providers.common.compat.sdk import (
    AirflowFailException, BaseHook, BaseOperator, BaseOperatorLink, BaseSensorOperator, BranchMixIn,
    DecoratedOperator, PokeReturnValue, XCom
)
import airflow.triggers.base
"""
OURS = """
import airflow_provider_amlrest.get_provider_info
import airflow_provider_amlrest.hook
import airflow_provider_amlrest.links
import airflow_provider_amlrest.rest
from airflow_provider_amlrest.decorators import azureml_task
from airflow_provider_amlrest.operators import *
from airflow_provider_amlrest.sensors import AzureMLJobSensor
from airflow_provider_amlrest.triggers import AzureMLJobTrigger
"""
PACKAGE = "airflow_provider_amlrest"
HEAVY = ("azure", "msal", "requests", "urllib3", "aiohttp", "yaml", "pathspec", "flask_appbuilder", "wtforms")

MAX_NEW_MODULES = 100


def loaded(code: str, before: str = "") -> frozenset[str]:
    """The modules that some code loads in a fresh process, beside those that other code has loaded before."""
    script = (
        f"{before}\nimport json, sys\nbefore = set(sys.modules)\n{code}\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return frozenset(json.loads(run.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def new() -> frozenset[str]:
    return loaded(OURS, before=AIRFLOW)


def test_nothing_heavy_is_loaded(new: frozenset[str]) -> None:
    assert f"{PACKAGE}.operators.jobs" in new
    assert f"{PACKAGE}.sensors" in new
    assert sorted(name for name in new if name.split(".")[0] in HEAVY) == []


def test_what_is_loaded_is_ours_or_the_standard_librarys(new: frozenset[str]) -> None:
    strange = {name.split(".")[0] for name in new} - sys.stdlib_module_names - {PACKAGE}
    assert strange == set()
    assert len(new) <= MAX_NEW_MODULES


def test_the_provider_info_needs_no_airflow() -> None:
    modules = loaded(f"import {PACKAGE}.get_provider_info as info; info.get_provider_info()")
    assert not {name.split(".")[0] for name in modules} & {"airflow", *HEAVY}


def test_the_client_needs_no_airflow() -> None:
    modules = loaded(
        f"from {PACKAGE}.rest import AzureMLClient, AsyncAzureMLClient, AzureMLError, Cloud, WorkspaceId"
    )
    assert "azure.core" in modules
    assert not [name for name in modules if name.split(".")[0] == "airflow"]


def test_an_unknown_name_of_the_client_is_said_so() -> None:
    from airflow_provider_amlrest import rest

    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = rest.Nothing  # type: ignore[attr-defined]
