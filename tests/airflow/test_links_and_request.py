"""What a task shows of its job beside the log: links into the Studio, and the request among its templates."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest
from airflow.providers.common.compat.sdk import mask_secret

from airflow_provider_amlrest import links
from airflow_provider_amlrest.lifecycle.request_body import REQUEST_KEY
from airflow_provider_amlrest.links import AzureMLDataLink, AzureMLEnvironmentLink, AzureMLModelsLink
from airflow_provider_amlrest.operators import (
    AzureMLCreateEnvironmentOperator,
    AzureMLRegisterDataOperator,
    AzureMLSubmitCommandJobOperator,
)
from airflow_provider_amlrest.rest.http.errors import ConflictError
from tests.support.tasks import Try, unique


@pytest.fixture
def environment(connection: str, request: pytest.FixtureRequest) -> Any:
    """The task that registers one, as it ran."""
    attempt = Try(AzureMLCreateEnvironmentOperator(task_id="env", name=unique(request), image="python:3.11"))
    return attempt, attempt.execute()


def test_an_environment_links_to_its_page(environment: Any) -> None:
    attempt, found = environment
    url = attempt.xcoms[AzureMLEnvironmentLink.key]
    assert f"/environments/{found['name']}/version/{found['version']}?wsid=/subscriptions/" in url
    assert "&tid=" in url


def test_data_links_to_its_page(connection: str, request: pytest.FixtureRequest) -> None:
    attempt = Try(
        AzureMLRegisterDataOperator(
            task_id="data",
            name=unique(request),
            path="https://example.org/a.csv",
            type="uri_file",
            version="3",
        )
    )
    found = attempt.execute()
    assert f"/data/{found['name']}/3/details?wsid=" in attempt.xcoms[AzureMLDataLink.key]


def test_without_xcoms_there_are_no_links(connection: str, request: pytest.FixtureRequest) -> None:
    attempt = Try(
        AzureMLCreateEnvironmentOperator(
            task_id="env", name=unique(request), image="python:3.11", do_xcom_push=False
        )
    )
    assert attempt.execute()["version"]
    assert attempt.xcoms == {}


def test_a_job_links_to_its_environment_and_model(environment: Any, command_task: Any) -> None:
    """As soon as it exists: the link is there before the wait begins."""
    _, found = environment
    task = command_task(
        environment=found["id"],
        outputs={"model": {"type": "mlflow_model", "name": "iris"}},
        tags={"emulator.seconds": "0"},
        wait_for_completion=False,
    )
    attempt = Try(task)
    attempt.execute()
    assert f"/environments/{found['name']}/version/" in attempt.xcoms[AzureMLEnvironmentLink.key]
    assert "/model/list?wsid=" in attempt.xcoms[AzureMLModelsLink.key]


def test_a_job_that_registers_no_model_links_to_none(command_task: Any) -> None:
    attempt = Try(command_task(tags={"emulator.seconds": "0"}, outputs={"model": "mlflow_model"}))
    attempt.execute()
    assert AzureMLModelsLink.key not in attempt.xcoms


def test_airflow_asks_for_no_link_that_was_not_pushed(command_task: Any, monkeypatch: Any) -> None:
    """Airflow 3 asks for all at the end of a task, and 3.3 logs an error for each XCom that is not found."""

    def asked(**_: Any) -> None:
        raise AssertionError("an XCom was asked for")

    monkeypatch.setattr(links.XCom, "get_value", asked)
    attempt = Try(command_task(tags={"emulator.seconds": "0"}, wait_for_completion=False))
    key: Any = None
    before = {link.get_link(attempt.task, ti_key=key) for link in attempt.task.operator_extra_links}
    assert before == {""}, "also if it fails before there is a job"
    attempt.execute()
    told = {link.key: link.get_link(attempt.task, ti_key=key) for link in attempt.task.operator_extra_links}
    pushed = {key: url for key, url in attempt.xcoms.items() if key.endswith("_link")}
    assert {key: url for key, url in told.items() if url} == pushed
    assert AzureMLSubmitCommandJobOperator.operator_extra_links, "those of the class stay"


def test_a_task_that_resumes_leaves_its_links_alone(command_task: Any, mode: str) -> None:
    attempt = Try(command_task(tags={"emulator.seconds": "0.3"}))
    attempt.execute()
    resumed = mode == "deferred"
    assert attempt.task.operator_extra_links == (() if resumed else type(attempt.task).operator_extra_links)


def test_names_cannot_leave_the_path_of_the_link(connection: str) -> None:
    from airflow_provider_amlrest.hook import AzureMLHook

    url = AzureMLHook().studio_page("environments/a b?x=1#y/version/1")
    path, _, query = url.partition("?")
    assert unquote(path).endswith("/environments/a b?x=1#y/version/1")
    assert query.startswith("wsid=")
    assert "#" not in url


def test_the_request_is_among_the_templates(command_task: Any, emulator: Any, mode: Any) -> None:
    """Also after a deferral, when another process has rendered the task anew."""
    assert "request_body" in AzureMLSubmitCommandJobOperator.template_fields
    task = command_task(
        command="echo ${{inputs.rate}}", inputs={"rate": 0.5}, tags={"emulator.seconds": "0.2"}
    )
    attempt = Try(task)
    assert task.request_body is None
    name = attempt.execute()["name"]
    shown = json.loads(task.request_body)["properties"]
    assert shown["command"] == "echo ${{inputs.rate}}"
    assert shown["inputs"]["rate"]["value"] == "0.5"
    assert shown["tags"]["airflow_task_id"] == task.task_id
    assert task.overwrite_rtif_after_execution
    assert name
    task.request_body = None
    task.execute_complete(attempt.context, ended(name))
    assert json.loads(task.request_body)["properties"] == shown


def ended(name: str) -> Any:
    return {
        "status": "ended",
        "job_name": name,
        "job_status": "Completed",
        "deadline": None,
        "message": "",
        "log": None,
    }


@pytest.mark.parametrize("mode", ["deferred"])
def test_who_has_sent_no_request_asks_for_none(command_task: Any) -> None:
    """A try that has taken a job over, and one that keeps no XComs."""
    task = command_task(tags={"emulator.seconds": "0.3"})
    Try(task, max_tries=1).execute()
    task.request_body = None
    again = Try(task, try_number=2, max_tries=1)
    again.execute()
    assert again.xcoms[REQUEST_KEY] == ""
    assert task.request_body is None
    task.do_xcom_push = False
    third = Try(task, try_number=3, max_tries=1)
    third.xcom_pull = None  # type: ignore[assignment]
    third.execute()
    assert third.xcoms == {}


def test_what_is_shown_is_what_was_sent(command_task: Any, client: Any) -> None:
    """The service takes the same body again, and refuses another one."""
    task = command_task(tags={"emulator.seconds": "0"}, wait_for_completion=False)
    name = Try(task).execute()["name"]
    shown = json.loads(task.request_body)["properties"]
    client._run(client.operations._put(f"jobs/{name}", shown))
    with pytest.raises(ConflictError):
        client._run(client.operations._put(f"jobs/{name}", {**shown, "command": "echo other"}))


def test_secrets_that_airflow_knows_are_masked(command_task: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    mask_secret("hunter2hunter2")
    task = command_task(
        environment_variables={"URL": "https://user:hunter2hunter2@host"},
        tags={"emulator.seconds": "0"},
        wait_for_completion=False,
    )
    attempt = Try(task)
    attempt.execute()
    for shown in (task.request_body, attempt.xcoms[REQUEST_KEY]):
        assert "hunter2" not in shown
        assert "https://user:***@host" in shown
