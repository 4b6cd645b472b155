"""AzureMLCreateEnvironmentOperator, with real blobs."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.operators import (
    AzureMLCreateEnvironmentOperator,
)
from airflow_provider_amlrest.rest.http.errors import ProvisioningTimeoutError
from tests.support.emulated import Emulated
from tests.support.tasks import Try, found, unique
from tests.support.waiting import wait_for

CONDA = "name: c\ndependencies:\n- python=3.11\n- pip:\n  - six==1.16.0\n"
BUILD = {"image": None, "conda_file": None}


def environment_task(name: str, **arguments: Any) -> Any:
    defaults = {"image": "python:3.11", "conda_file": CONDA}
    return AzureMLCreateEnvironmentOperator(task_id="env", name=name, **{**defaults, **arguments})


def test_the_same_content_is_registered_once(workspace: Emulated, request: pytest.FixtureRequest) -> None:
    first = Try(environment_task(unique(request))).execute()
    mark = workspace.mark()
    again = Try(environment_task(unique(request))).execute()
    assert again == found(first)
    assert workspace.writes(since=mark) == []
    changed = Try(environment_task(unique(request), image="python:3.12")).execute()
    assert changed["version"] != first["version"]
    assert first["outcome"] == changed["outcome"] == "registered"


@pytest.mark.parametrize("form", ["path", "pathlib", "text", "mapping"])
def test_a_conda_file_may_be_a_path_text_or_mapping(current: Emulated, tmp_path: Path, form: str) -> None:
    (tmp_path / "conda.yml").write_text(CONDA)
    mapping = {"name": "c", "dependencies": ["python=3.11", {"pip": ["six==1.16.0"]}]}
    pathlib = Path("{{ 'conda' }}.yml")
    value = {"path": "conda.yml", "pathlib": pathlib, "text": CONDA, "mapping": mapping}[form]
    operator = environment_task("conda-forms", conda_file=value)
    result = Try(operator, dag_file=str(tmp_path / "dag.py")).execute()
    # One content, one version, however it was written.
    assert result["version"] == Try(environment_task("conda-forms")).execute()["version"]


def test_a_conda_file_alone_gets_azure_mls_base_image(
    workspace: Emulated, request: pytest.FixtureRequest
) -> None:
    result = Try(environment_task(unique(request), image=None)).execute()
    with AzureMLHook().client() as client:
        found = client.get_environment(result["name"], result["version"])
    assert found.image == "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
    assert found.conda is not None


def test_a_version_of_ones_own_cannot_change_its_content(
    workspace: Emulated, request: pytest.FixtureRequest
) -> None:
    name = unique(request)
    Try(environment_task(name, version="7")).execute()
    with pytest.raises(AirflowFailException, match="exists with another image"):
        Try(environment_task(name, version="7", image="python:3.12")).execute()


def test_a_local_build_context_is_uploaded_once(
    current: Emulated, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "Dockerfile").write_text("FROM python:3.11\n")

    def run(path: str | Path = "docker") -> Any:
        operator = environment_task("built", image=None, conda_file=None, build={"path": path})
        return Try(operator, dag_file=str(tmp_path / "dag.py")).execute()

    first, mark = run(), current.mark()
    assert run(Path("docker")) == found(first)
    assert run() == found(first)
    # Its own name is no part of the content.
    (tmp_path / "docker").rename(tmp_path / "renamed")
    (tmp_path / "docker").symlink_to("renamed")
    assert run() == found(first)
    assert current.writes(since=mark) == []
    with AzureMLHook().client() as client:
        build = client.get_environment("built", first["version"]).build
    assert build is not None
    assert build.uri.startswith("https://")


@pytest.mark.parametrize(
    "arguments",
    [
        {"conda_file": "dependencies:\n- python=3.11 \n- pip: [six==1.16.0]\nname: other\n"},
        {"conda_file": {"dependencies": ["python=3.11", {"pip": ["six==1.16.0"]}]}},
        {"image": "Docker.io/Library/Python:3.11"},
    ],
)
def test_another_spelling_of_the_same_is_found(
    workspace: Emulated, request: pytest.FixtureRequest, arguments: dict[str, Any]
) -> None:
    same = {"image": "docker.io/library/python:3.11", "version": "7"}
    name = re.sub(r"\W+", "-", request.node.name)[:60].strip("-")
    first = Try(environment_task(name, **same)).execute()
    mark = workspace.mark()
    assert Try(environment_task(name, **{**same, **arguments})).execute() == found(first)
    assert workspace.writes(since=mark) == []


def test_a_build_context_at_a_uri_in_its_spellings(current: Emulated) -> None:
    with AzureMLHook().client() as client:
        ours = client.operations.workspace
    spellings = [
        "azureml://datastores/workspaceblobstore/paths/context/",
        f"azureml://subscriptions/{ours.subscription_id}/resourcegroups/{ours.resource_group}"
        f"/workspaces/{ours.name}/datastores/workspaceblobstore/paths/context",
        "azureml://workspaces/4be9e6b0-0000-0000-0000-000000000000/datastores/workspaceblobstore/paths/context",
    ]
    given = {"image": None, "conda_file": None, "version": "1"}
    results = [Try(environment_task("at-uri", **given, build={"path": path})).execute() for path in spellings]
    assert results[1] == results[2] == found(results[0])
    with pytest.raises(AirflowFailException, match="exists with another build"):
        Try(environment_task("at-uri", **given, build={"path": f"{spellings[0]}other"})).execute()


def test_what_the_api_version_cannot_say_is_refused_before_the_upload(
    current: Emulated, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {unique(request)}")
    build = {"path": str(tmp_path)}
    mark = current.mark()
    operator = environment_task(
        unique(request), image=None, conda_file=None, build=build, api_version="2021-03-01-preview"
    )
    with pytest.raises(AirflowFailException, match=r"build: api-version 2021-03-01-preview cannot say"):
        Try(operator).execute()
    assert not current.asked(path="/datastores", since=mark)


def test_what_another_task_registers_meanwhile_is_found(
    current: Emulated, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "Dockerfile").write_text(f"FROM {unique(request)}")
    one, two = (
        Try(environment_task(unique(request), **BUILD, build={"path": str(tmp_path / folder)}))
        for folder in ("one", "two")
    )
    first = one.execute()
    # As it is to a task that looks before the other one registers.
    with current.fault(f"/environments/{unique(request)}/", method="GET", status=404, body={}):
        assert two.execute() == found(first)


def test_a_version_that_the_service_changed_is_not_taken_for_ours(
    current: Emulated, request: pytest.FixtureRequest
) -> None:
    Try(environment_task(unique(request), version="1")).execute()
    other = environment_task(unique(request), version="1", image="python:3.12")
    with (
        current.fault(f"/environments/{unique(request)}/", method="GET", status=404, body={}),
        pytest.raises(AirflowFailException, match="exists with another image"),
    ):
        Try(other).execute()


def test_it_waits_until_the_version_is_provisioned(
    current: Emulated, request: pytest.FixtureRequest, said: Any
) -> None:
    name, mark = unique(request), current.mark()

    def provision() -> None:
        wait_for(lambda: len(current.asked("GET", f"/environments/{name}/", since=mark)) > 2)
        current.admin("PATCH", "settings", {"provisioning_seconds": 0})

    with current.setting("provisioning_seconds", 600), ThreadPoolExecutor(1) as service:
        provisioned = service.submit(provision)
        Try(environment_task(name, wait_for_build=True, poll_interval=0.2)).execute()
        provisioned.result()
    assert "Creating" in said()
    assert ": Succeeded." in said()
    with AzureMLHook().client() as client:
        assert client.get_latest_environment(name).provisioning_state == "Succeeded"


def test_without_being_told_to_it_does_not_wait(current: Emulated, request: pytest.FixtureRequest) -> None:
    mark = current.mark()
    with current.setting("provisioning_seconds", 600):
        Try(environment_task(unique(request))).execute()
    assert len(current.asked("GET", "/environments/", since=mark)) == 1


@pytest.mark.parametrize("end", ["failed", "canceled"])
def test_a_version_that_cannot_be_provisioned_fails_the_task_for_good(
    current: Emulated, request: pytest.FixtureRequest, end: str
) -> None:
    operator = environment_task(unique(request), wait_for_build=True, tags={"emulator.provisioning": end})
    with pytest.raises(AirflowFailException, match=f"ended as {end.capitalize()}"):
        Try(operator).execute()


def test_a_wait_has_an_end_and_the_next_try_waits_on(
    current: Emulated, request: pytest.FixtureRequest
) -> None:
    waiting = {"wait_for_build": True, "poll_interval": 0.1, "timeout": 0.3}
    with (
        current.setting("provisioning_seconds", 600),
        pytest.raises(ProvisioningTimeoutError, match=r"is still Creating after 0\.3 s"),
    ):
        Try(environment_task(unique(request), **waiting)).execute()
    mark = current.mark()
    Try(environment_task(unique(request), **waiting)).execute()
    assert current.writes(since=mark) == []


def test_a_wait_that_is_shorter_than_its_interval_reads_once_more(
    current: Emulated, request: pytest.FixtureRequest
) -> None:
    with current.setting("provisioning_seconds", 0.2):
        Try(environment_task(unique(request), wait_for_build=True, poll_interval=600, timeout=2)).execute()


def test_a_version_of_the_api_that_does_not_tell_is_refused(
    current: Emulated, request: pytest.FixtureRequest
) -> None:
    mark = current.mark()
    operator = environment_task(unique(request), wait_for_build=True, api_version="2022-05-01")
    with pytest.raises(AirflowFailException, match=r"wait_for_build: .*2023-04-01 is the first"):
        Try(operator).execute()
    assert current.asked(since=mark) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"poll_interval": None}, "poll_interval: None must be a number of seconds"),
        ({"version": "a/b"}, "version: 'a/b' is not a valid version of an asset"),
        ({"version": ".."}, "version: '..' is not a valid version of an asset"),
        (
            {**BUILD, "build": {"path": "https://h/c?sig=CANARY"}},
            r"build\.path: 'https://h/c\?sig=\.\.\.' holds a signature",
        ),
        ({"image": "https://u:CANARY@h/i"}, r"image: 'https://\.\.\.@h/i' holds a signature or a password"),
        (
            {"conda_file": "dependencies:\n- pip: [-i https://u:CANARY@h/simple]\n"},
            r"conda_file: '-i https://\.\.\.@h/simple' holds a signature or a password",
        ),
        ({"conda_file": {"dependencies": [{"pip": ["-e ."]}]}}, "conda_file: its pip line '-e .' names what"),
        ({"conda_file": {"dependencies": [{"pip": "six"}]}}, "conda_file: its 'pip' is 'six', but must be"),
        ({"poll_interval": 0}, "poll_interval: 0 must be a number of seconds"),
        ({"timeout": "1h"}, "timeout: '1h' must be a number of seconds"),
        ({"conda_file": "dependencies: [a\nb: }"}, r"conda_file: it is not valid YAML: .*line 2"),
        ({"conda_file": "no/such.yml"}, "conda_file: '.*no/such.yml' cannot be read: No such file"),
        ({"conda_file": {"packages": []}}, "it must be a mapping with a list named 'dependencies'"),
        ({"image": None, "conda_file": None}, "image: give either an image"),
        ({"build": {"path": "x"}}, "image: give either an image"),
        ({"build": {"path": "x"}, "image": None}, "image: give either an image"),
        ({**BUILD, "build": {"path": "x", "dockerfile": "D"}}, "build: unknown key 'dockerfile'"),
        ({**BUILD, "build": {"path": " "}}, "build.path: ' ' must be the path of a file or folder"),
        ({"conda_file": "~nobody-here/c.yml"}, "conda_file: .* no such home folder"),
        ({"name": "bad name"}, "name: 'bad name' is not a valid name for Azure ML"),
        ({"os_type": "macOS"}, "os_type: 'macOS' is not one of: Linux, Windows"),
    ],
)
def test_mistakes_are_said_before_anything_is_sent(
    current: Emulated, arguments: dict[str, Any], message: str
) -> None:
    mark = current.mark()
    operator = environment_task(**{"name": "mistakes", **arguments})
    with pytest.raises(AirflowFailException, match=message):
        Try(operator).execute()
    assert current.asked(since=mark) == []


def test_a_build_context_without_its_dockerfile(current: Emulated, tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "readme").write_text("no Dockerfile here")
    operator = environment_task("built", image=None, conda_file=None, build={"path": "docker"})
    mark = current.mark()
    with pytest.raises(AirflowFailException, match=r"build\.dockerfile_path: 'docker' has no 'Dockerfile'"):
        Try(operator, dag_file=str(tmp_path / "dag.py")).execute()
    assert current.asked(since=mark) == []
