"""What cannot be served is said before anything is asked, by operators and ``amlrest validate`` alike."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_amlrest.cli.main import main
from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.operators import (
    AzureMLCreateComputeOperator,
    AzureMLDeleteDeploymentOperator,
    AzureMLDeleteEndpointOperator,
    AzureMLDeployBatchEndpointOperator,
    AzureMLDeployOnlineEndpointOperator,
    AzureMLShiftTrafficOperator,
)
from tests.support.resources import CONNECTION, Resources
from tests.support.tasks import Try

ENDPOINT = {"name": "iris", "auth_mode": "key"}
DEPLOYMENT = {
    "name": "blue",
    "endpoint_name": "iris",
    "model": "azureml:m:1",
    "instance_type": "Standard_DS3_v2",
    "instance_count": 1,
}
BATCH = {"name": "first", "endpoint_name": "iris", "model": "azureml:m:1", "compute": "azureml:cpu"}
COMPUTE = {"name": "gpu", "type": "amlcompute", "size": "STANDARD_DS3_V2"}
SCRIPT = {"code": "src", "scoring_script": "predict.py"}
NAME = "3 to 32 letters, digits and '-', beginning with a letter and ending with a letter or digit."
THEIRS = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/theirs"


class Bad(NamedTuple):
    """A mistake in a file of a resource.

    ``argument``: of the operator that takes the file. ``field``: where the mistake is. ``validates``: whether
    it can be known without a connection.
    """

    argument: str
    given: dict[str, Any]
    field: str
    problem: str
    validates: bool = False


MISTAKES = {
    "traffic of 110 percent": Bad(
        "endpoint",
        {**ENDPOINT, "traffic": {"blue": 90, "green": 20}},
        "traffic",
        "{'blue': 90, 'green': 20} are 110 percent together; they must be 0 or 100.",
    ),
    "traffic of 90 percent": Bad(
        "endpoint",
        {**ENDPOINT, "traffic": {"blue": 90}},
        "traffic",
        "{'blue': 90} are 90 percent together; they must be 0 or 100.",
    ),
    "too many copies": Bad(
        "endpoint",
        {**ENDPOINT, "mirror_traffic": {"green": 60}},
        "mirror_traffic.green",
        "60 must be a whole number from 0 to 50.",
    ),
    "an endpoint's name": Bad(
        "endpoint",
        {**ENDPOINT, "name": "my_iris"},
        "name",
        f"'my_iris' is not a valid name for an endpoint: {NAME}",
    ),
    "no name": Bad(
        "endpoint", {"auth_mode": "key"}, "name", f"it is missing: an endpoint has a name of {NAME}"
    ),
    "a deployment's name": Bad(
        "deployment",
        {**DEPLOYMENT, "name": "v1"},
        "name",
        f"'v1' is not a valid name for a deployment: {NAME}",
    ),
    "an instance type": Bad(
        "deployment",
        {**DEPLOYMENT, "instance_type": "huge"},
        "instance_type",
        "'huge' is not the name of a size of virtual machines, such as Standard_DS3_v2.",
    ),
    "no instances": Bad(
        "deployment",
        {**DEPLOYMENT, "instance_count": 0},
        "instance_count",
        "0 must be a whole number from 1 to 100000.",
    ),
    "a missing script": Bad(
        "deployment",
        {**DEPLOYMENT, "code_configuration": SCRIPT},
        "code_configuration.scoring_script",
        "'predict.py' is not a file in",
    ),
    "missing code": Bad(
        "deployment",
        {**DEPLOYMENT, "code_configuration": {**SCRIPT, "code": "nowhere"}},
        "code_configuration.code",
        "there is no file or folder",
    ),
    "a batch deployment's script": Bad(
        "batch",
        {**BATCH, "code_configuration": SCRIPT},
        "code_configuration.scoring_script",
        "'predict.py' is not",
    ),
    "another workspace's model": Bad(
        "deployment",
        {**DEPLOYMENT, "model": f"{THEIRS}/models/iris/versions/3"},
        "model",
        f"'{THEIRS}/models/iris/versions/3' is in the workspace 'theirs', but the connection's is 'w' in "
        "resource group 'g'. Bring it into this one with AzureMLPromoteModelOperator, or name a registry's.",
        validates=True,
    ),
    "a size": Bad(
        "compute",
        {**COMPUTE, "size": "big"},
        "size",
        "'big' is not the name of a size of virtual machines, such as Standard_DS3_v2.",
    ),
    "a compute's name": Bad(
        "compute", {**COMPUTE, "name": "gpu-1"}, "name", "'gpu-1' is not a valid name for a compute: 3 to 24 "
    ),
}
by_mistake = pytest.mark.parametrize("bad", MISTAKES.values(), ids=list(MISTAKES))


@pytest.fixture
def nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace that answers nothing."""

    def refuse(*arguments: Any) -> Any:
        raise AssertionError("nothing is to be asked")

    resources = Resources()
    monkeypatch.setattr(resources, "answer", refuse)
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", CONNECTION)
    monkeypatch.setattr(AzureMLHook, "client", lambda hook: resources.opened())


@pytest.fixture
def folder(nobody_is_asked: None, tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "score.py").write_text("def init(): ...\n")
    return tmp_path


def attempt(bad: Bad, given: Any, folder: Path) -> Try:
    arguments: dict[str, Any] = {"task_id": "t", bad.argument: given}
    operator: Any = {
        "compute": AzureMLCreateComputeOperator,
        "batch": AzureMLDeployBatchEndpointOperator,
    }.get(bad.argument, AzureMLDeployOnlineEndpointOperator)
    if bad.argument in ("deployment", "batch"):
        arguments = {"task_id": "t", "endpoint": "iris", "deployment": given}
    return Try(operator(**arguments), dag_file=str(folder / "dag.py"))


def written(bad: Bad, folder: Path) -> tuple[Path, int]:
    """The file with the mistake, and the line of it; 0 if it is something that is not there."""
    file = folder / "resource.yml"
    file.write_text(yaml.safe_dump(bad.given, sort_keys=False))
    lines = [line.strip() for line in file.read_text().splitlines()]
    last = bad.field.rpartition(".")[2]
    return file, next((n for n, line in enumerate(lines, 1) if line.startswith(f"{last}:")), 0)


def place(file: str, line: int, bad: Bad) -> str:
    return ", ".join(filter(None, (file, f"line {line}" if line else "", f"{bad.field}: {bad.problem}")))


@by_mistake
def test_in_a_mapping(bad: Bad, folder: Path) -> None:
    with pytest.raises(AirflowFailException, match=re.escape(f"{bad.field}: {bad.problem}")):
        attempt(bad, bad.given, folder).execute()


@by_mistake
def test_in_a_file(bad: Bad, folder: Path) -> None:
    file, line = written(bad, folder)
    with pytest.raises(AirflowFailException) as told:
        attempt(bad, file.name, folder).execute()
    assert str(told.value).startswith(place(file.name, line, bad))


@by_mistake
def test_by_the_command_line(bad: Bad, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, line = written(bad, folder)
    code = main(["validate", str(file)])
    told = capsys.readouterr()
    if bad.validates:
        assert (code, told.err) == (0, "")
    else:
        assert code == 2
        assert place(file.name, line, bad) in told.err


@pytest.mark.usefixtures("nobody_is_asked")
@pytest.mark.parametrize(
    ("operator", "arguments", "problem"),
    [
        (
            AzureMLCreateComputeOperator,
            {"name": "gpu", "size": "big"},
            "size: 'big' is not the name of a size of virtual machines",
        ),
        (
            AzureMLCreateComputeOperator,
            {"size": "Standard_A1"},
            "name: it is missing: a compute has a name of 3 to",
        ),
        (
            AzureMLDeployOnlineEndpointOperator,
            {"endpoint": "iris", "deployment": DEPLOYMENT, "deployment_name": "v1"},
            "deployment_name: 'v1' is not a valid name for a deployment",
        ),
        (
            AzureMLDeployOnlineEndpointOperator,
            {"endpoint": "iris", "deployment": DEPLOYMENT, "model": f"{THEIRS}/models/iris/versions/3"},
            f"model: '{THEIRS}/models/iris/versions/3' is in the workspace 'theirs'",
        ),
        (
            AzureMLShiftTrafficOperator,
            {"endpoint_name": "iris", "steps": [{"green": 50}, {"green": 90, "blue": 20}]},
            "steps[1]: {'green': 90, 'blue': 20} are 110 percent together; they must be up to 100.",
        ),
        (
            AzureMLShiftTrafficOperator,
            {"endpoint_name": "iris", "steps": [{"green": 120}]},
            "steps[0].green: 120 must be a whole number from 0 to 100.",
        ),
        (
            AzureMLDeleteEndpointOperator,
            {"endpoint_name": "my_iris"},
            "endpoint_name: 'my_iris' is not a valid name for an endpoint",
        ),
        (
            AzureMLDeleteDeploymentOperator,
            {"endpoint_name": "iris", "deployment_name": ["blue", "v_1"]},
            "deployment_name: 'v_1' is not a valid name for a deployment",
        ),
    ],
)
def test_in_an_argument(operator: Any, arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(AirflowFailException, match=f"^{re.escape(problem)}"):
        Try(operator(task_id="t", **arguments)).execute()


@pytest.mark.parametrize(
    ("properties", "problem"),
    [
        (
            {"traffic": {"blue": 90, "green": 10}},
            "'blue' gets 90 percent of the requests: give them to another one first, with "
            "AzureMLShiftTrafficOperator.",
        ),
        (
            {"traffic": {"green": 100}, "mirrorTraffic": {"blue": 10}},
            "'blue' gets a copy of 10 percent of the requests: take it out of the endpoint's mirror_traffic",
        ),
    ],
)
def test_what_gets_requests_is_not_deleted(
    monkeypatch: pytest.MonkeyPatch, properties: dict[str, Any], problem: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", CONNECTION)
    resources = Resources()
    resources.add("onlineEndpoints/iris", **properties)
    resources.add("onlineEndpoints/iris/deployments/blue")
    monkeypatch.setattr(AzureMLHook, "client", lambda hook: resources.opened())
    task = AzureMLDeleteDeploymentOperator(task_id="t", endpoint_name="iris", deployment_name="blue")
    with pytest.raises(AirflowFailException, match=f"^deployment_name: {problem}"):
        Try(task).execute()
    assert resources.sent == []


def test_a_name_that_is_taken_is_told_apart_from_one_that_is_wrong(shop: str) -> None:
    """Only the service knows it."""
    task = AzureMLDeployBatchEndpointOperator(task_id="t", endpoint=shop)
    with pytest.raises(AirflowFailException, match="The name is a valid one, but another endpoint has it"):
        Try(task).execute()
