"""What the hook makes of a connection without asking anybody."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_amlrest.connection import InvalidConnectionError
from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.rest.jobs.job import Job

EXTRA = {"subscription_id": "s", "resource_group": "g", "workspace_name": "w"}


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a hook of a connection with these extras."""

    def make(**extra: str) -> AzureMLHook:
        connection = {"conn_type": "azureml", "extra": {**EXTRA, **extra}}
        monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", json.dumps(connection))
        return AzureMLHook()

    return make


PAGE = "https://ml.azure.com/runs/j?wsid=/subscriptions/s/resourcegroups/g/workspaces/w"


@pytest.mark.parametrize(
    ("tenant", "given", "url"),
    [
        ("t", None, f"{PAGE}&tid=t"),
        ("", None, PAGE),
        ("t", "https://studio/j?wsid=w", "https://studio/j?wsid=w&tid=t"),
        ("t", "https://studio/j?wsid=w&tid=other", "https://studio/j?wsid=w&tid=other"),
    ],
)
def test_the_studio_page_is_in_the_connections_tenant(
    hook: Any, tenant: str, given: str | None, url: str
) -> None:
    job = Job("/jobs/j", "j", "Command", "Running", studio_url=given)
    assert hook(tenant_id=tenant).studio_url(job) == url


SECRET = "Yk8/q2"
"""With a slash, which ends the host of a URI."""


@pytest.mark.parametrize("text", ['{"conn_type": "azureml",', f"azureml://me:{SECRET}@/?tenant_id=t"])
def test_a_connection_that_airflow_cannot_read_is_not_said_to_be_missing(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", text)
    for settings in (lambda: AzureMLHook().settings, lambda: asyncio.run(AzureMLHook().load())):
        with pytest.raises(
            InvalidConnectionError, match="AIRFLOW_CONN_AZUREML_DEFAULT is set, but"
        ) as caught:
            settings()
        assert SECRET not in str(caught.value)


def test_one_that_does_not_exist_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_NOWHERE", raising=False)
    with pytest.raises(AirflowNotFoundException):
        AzureMLHook("nowhere").settings  # noqa: B018


def test_closing_closes_the_client_and_the_credential(hook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = hook()
    closed: list[str] = []
    with opened.client() as client:
        for what in (client, opened.credential):
            name = type(what).__name__
            monkeypatch.setattr(what, "close", lambda name=name: closed.append(name))
        assert opened.get_conn() is client
    assert closed == ["AzureMLClient", "DefaultAzureCredential"]
    assert opened.get_conn() is not client
    opened.close()


def test_azures_libraries_are_quiet_unless_somebody_asked(hook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loggers = {name: logging.getLogger(name) for name in ("azure.core", "azure.identity", "azure.storage")}
    for name, logger in loggers.items():
        monkeypatch.setattr(logger, "level", logging.DEBUG if name == "azure.identity" else logging.NOTSET)
    hook().new_client().close()
    assert [logger.level for logger in loggers.values()] == [logging.WARNING, logging.DEBUG, logging.WARNING]
