"""What we send, against Microsoft's own schemas of every api-version."""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import replace
from typing import Any

import isodate
import jsonschema
import pytest
import yaml
from hypothesis import given

from airflow_provider_amlrest.rest.assets.code import Code
from airflow_provider_amlrest.rest.assets.data import Data
from airflow_provider_amlrest.rest.assets.environment import BuildContext, Environment
from airflow_provider_amlrest.rest.assets.model import Model
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.command import CommandJob, Distribution, Resources
from airflow_provider_amlrest.rest.jobs.job import DataInput, Identity, LiteralInput, Output, Service
from airflow_provider_amlrest.rest.jobs.sweep import EarlyTermination, Objective, SamplingAlgorithm, SweepJob
from airflow_provider_amlrest.rest.versions.api_versions import API_VERSIONS
from tests.contract import openapi, schemas, strategies
from tests.contract.bodies import OLD, check, check_everywhere, wire
from tests.support.codec import codec_for
from tests.unit.jobs import CODE, DATA, ENVIRONMENT, FULL, FULL_SWEEP, MODEL, PLAIN, SWEEP, WORKSPACE, arm_id

NEW = "2025-12-01"
GUID = "00000000-0000-0000-0000-000000000001"
TYPES = ("uri_file", "uri_folder", "mltable", "custom_model", "mlflow_model", "triton_model")
MODES = ("ro_mount", "rw_mount", "download", "direct", "eval_mount", "eval_download")

ASSETS = [
    ENVIRONMENT,
    replace(ENVIRONMENT, conda=None, os_type="Windows"),
    replace(ENVIRONMENT, image=None, build=BuildContext("https://host/context/")),
    CODE,
    replace(CODE, datastore=None, path=None),
    DATA,
    replace(DATA, uri="https://host/folder/", type="uri_folder"),
    replace(DATA, type="mltable"),
    MODEL,
    replace(MODEL, type="triton_model", uri="runs:/train/model", flavors={}),
]
JOBS = [
    PLAIN,
    SWEEP,
    FULL,
    FULL_SWEEP,
    CommandJob(command="true", environment="azureml:sk:1"),
    replace(PLAIN, distribution=Distribution("mpi", 4)),
    replace(PLAIN, distribution=Distribution("tensorflow", parameter_server_count=1, worker_count=2)),
    *[replace(PLAIN, identity=Identity(kind)) for kind in ("aml_token", "managed", "user_identity")],
    replace(PLAIN, identity=Identity("managed", GUID, GUID, "/subscriptions/s")),
    *[replace(FULL, job_tier=tier) for tier in ("spot", "basic", "standard", "premium")],
    *[
        replace(FULL, services={"s": Service(kind)})
        for kind in ("ssh", "jupyter_lab", "tensor_board", "vs_code", "custom")
    ],
    *[
        replace(PLAIN, inputs=PLAIN.inputs | {"iris": DataInput(kind, arm_id("data", "iris", "1"), mode)})
        for kind in TYPES
        for mode in MODES
    ],
    *[
        replace(PLAIN, outputs={"model": Output(kind, mode)})
        for kind in TYPES
        for mode in ("rw_mount", "upload", "direct")
    ],
    *[
        replace(SWEEP, early_termination=policy)
        for policy in (
            EarlyTermination("bandit", 1, 5, slack_factor=0.1),
            EarlyTermination("bandit", 1, 5, slack_amount=0.1),
            EarlyTermination("median_stopping", 1, 5),
            EarlyTermination("truncation_selection", 1, 5, truncation_percentage=20),
        )
    ],
    *[replace(SWEEP, sampling_algorithm=SamplingAlgorithm(kind)) for kind in ("grid", "bayesian")],
    *[
        replace(SWEEP, sampling_algorithm=SamplingAlgorithm("random", rule, 1))
        for rule in ("random", "sobol")
    ],
]


@pytest.mark.parametrize("wanted", [*ASSETS, *JOBS], ids=lambda wanted: type(wanted).__name__)
def test_by_hand(wanted: Any) -> None:
    check_everywhere(wanted)


@given(strategies.ENVIRONMENTS | strategies.CODES | strategies.DATA | strategies.MODELS)
def test_any_asset(wanted: Any) -> None:
    check_everywhere(wanted)


@given(strategies.COMMAND_JOBS)
def test_any_command_job(wanted: CommandJob) -> None:
    check_everywhere(wanted)


@given(strategies.SWEEP_JOBS)
def test_any_sweep(wanted: SweepJob) -> None:
    check_everywhere(wanted)


# What the service echoes, as it does, is read as what was sent.


def echoed(version: str, wanted: Any, kind: str) -> Any:
    """What the client reads when the service answers with what it was sent."""
    name, number = ("n", None) if kind == "jobs" else (wanted.name, wanted.version)
    answer = {"id": arm_id(kind, name, number), "name": number or name, "properties": wire(version, wanted)}
    read = kind if kind == "data" else kind.removesuffix("s")
    return getattr(codec_for(version, WORKSPACE), f"read_{read}")(answer)


@given(strategies.ENVIRONMENTS)
def test_environments_come_back(wanted: Environment) -> None:
    for version in API_VERSIONS[1:] if wanted.build else API_VERSIONS:
        assert replace(echoed(version, wanted, "environments"), id="") == wanted


@given(strategies.CODES)
def test_code_comes_back(wanted: Code) -> None:
    for version in API_VERSIONS:
        # The oldest version knows a place in a datastore, if there is one; the others the URL alone.
        lost = {"uri": ""} if version == OLD and wanted.datastore else {"datastore": None, "path": None}
        assert replace(echoed(version, wanted, "codes"), id="") == replace(wanted, **lost)


@given(strategies.DATA)
def test_data_comes_back(wanted: Data) -> None:
    for version in API_VERSIONS:
        with suppress(InvalidSpecError):
            assert replace(echoed(version, wanted, "data"), id="") == wanted


@given(strategies.MODELS)
def test_models_come_back(wanted: Model) -> None:
    for version in API_VERSIONS:
        with suppress(InvalidSpecError):
            assert replace(echoed(version, wanted, "models"), id="") == wanted


@given(strategies.COMMAND_JOBS | strategies.SWEEP_JOBS)
def test_jobs_come_back(wanted: CommandJob | SweepJob) -> None:
    found = echoed(NEW, wanted, "jobs")
    for member in ("display_name", "experiment_name", "compute", "outputs", "tags", "properties"):
        assert getattr(found, member) == getattr(wanted, member)
    if isinstance(wanted, SweepJob):
        assert Objective(found.goal, found.primary_metric) == wanted.objective


# What the schemas cannot say: that the values mean what was wanted.


@given(strategies.CONDA)
def test_conda_is_yaml_that_says_the_same(conda: dict[str, Any]) -> None:
    for version in API_VERSIONS:
        body = wire(version, replace(ENVIRONMENT, conda=conda))
        assert yaml.safe_load(body["condaFile"]) == conda


@given(strategies.SECONDS, strategies.SECONDS)
def test_times_are_rounded_up_to_what_the_version_takes(timeout: float, trial_timeout: float) -> None:
    limits = replace(SWEEP.limits, timeout=timeout, trial_timeout=trial_timeout)
    for version in API_VERSIONS:
        command, sweep = (
            wire(version, replace(PLAIN, timeout=timeout)),
            wire(version, replace(SWEEP, limits=limits)),
        )
        if version == OLD:
            assert 0 <= duration(command["timeout"]) - timeout < 1
            assert 0 <= duration(sweep["timeout"]) - timeout < 60
            assert 0 <= duration(sweep["trial"]["timeout"]) - trial_timeout < 60
        else:
            assert 0 <= duration(command["limits"]["timeout"]) - timeout < 1
            assert 0 <= duration(sweep["limits"]["timeout"]) - timeout < 1
            assert 0 <= duration(sweep["limits"]["trialTimeout"]) - trial_timeout < 1


def duration(text: str) -> float:
    return float(isodate.parse_duration(text).total_seconds())


def test_processes_are_counted_over_all_nodes_in_the_oldest_version() -> None:
    assert (PLAIN.resources.instance_count, PLAIN.distribution) == (2, Distribution("pytorch", 4))
    assert wire(OLD, PLAIN)["distribution"] == {"distributionType": "PyTorch", "processCount": 8}
    for version in API_VERSIONS[1:]:
        assert wire(version, PLAIN)["distribution"] == {
            "distributionType": "PyTorch",
            "processCountPerInstance": 4,
        }


def test_commands_are_as_written_but_in_the_oldest_version() -> None:
    for version in API_VERSIONS[1:]:
        assert wire(version, PLAIN)["command"] == PLAIN.command
        assert wire(version, SWEEP)["trial"]["command"] == SWEEP.trial.command
    assert wire(OLD, PLAIN)["command"] == (
        "python main.py --csv $AZURE_ML_INPUT_iris --lr 0.1 --out $AZURE_ML_OUTPUT_model"
    )
    sweep = wire(OLD, SWEEP)
    assert sweep["trial"]["command"] == "python main.py --csv $AZURE_ML_INPUT_iris"
    assert sweep["searchSpace"] == {"--lr": ["uniform", [0.01, 0.9]], "--depth": ["choice", [[3, 5]]]}


@given(strategies.TEXT)
def test_a_literal_in_the_oldest_versions_command_is_one_word(value: str) -> None:
    job = replace(PLAIN, command="run ${{inputs.lr}}", inputs={"lr": LiteralInput(value)})
    assert shlex.split(wire(OLD, job)["command"]) == ["run", value]


# Versions without a file of their own are checked against a later one's. What came in between, by hand: first
# appearances as Microsoft's files and bicep types have them (a preview's features apart).

SERVERLESS = replace(PLAIN, compute=None)
FEATURES = [
    (
        "build",
        replace(ENVIRONMENT, image=None, build=BuildContext("https://host/context/")),
        "2022-02-01-preview",
    ),
    ("type", replace(DATA, type="mltable"), "2022-02-01-preview"),
    ("path", replace(DATA, uri="abfss://c@a/p"), "2022-02-01-preview"),
    ("path", replace(MODEL, uri="azureml://jobs/train/outputs/model/paths/"), "2022-02-01-preview"),
    ("archived", replace(MODEL, is_archived=True), "2022-02-01-preview"),
    ("stage", replace(MODEL, stage="Production"), "2023-04-01"),
    ("compute", SERVERLESS, "2022-02-01-preview"),
    ("display_name", replace(PLAIN, display_name="Train"), "2022-02-01-preview"),
    ("services", replace(PLAIN, services={"s": Service("ssh")}), "2022-02-01-preview"),
    ("identity", replace(PLAIN, identity=Identity("user_identity")), "2022-02-01-preview"),
    (
        "sampling_algorithm",
        replace(SWEEP, sampling_algorithm=SamplingAlgorithm("random", "sobol")),
        "2022-02-01-preview",
    ),
    (
        "sampling_algorithm",
        replace(SWEEP, sampling_algorithm=SamplingAlgorithm("random", seed=0)),
        "2022-02-01-preview",
    ),
    (
        "inputs.x",
        replace(PLAIN, command="true", inputs={"x": DataInput("uri_file", "https://host/a")}),
        "2022-02-01-preview",
    ),
    ("shm_size", replace(PLAIN, resources=Resources(shm_size="2g")), "2022-10-01"),
    ("docker_args", replace(PLAIN, resources=Resources(docker_args="--init")), "2022-10-01"),
    ("services", replace(PLAIN, services={"s": Service("ssh", all_nodes=True)}), "2023-04-01"),
    ("queue_settings", replace(PLAIN, job_tier="spot"), "2023-10-01"),
    ("outputs", replace(PLAIN, outputs={"model": Output("mltable", name="registered")}), "2025-12-01"),
]


@pytest.mark.parametrize(("field", "wanted", "first"), FEATURES)
def test_first_versions(field: str, wanted: Any, first: str) -> None:
    start = API_VERSIONS.index(first)
    for version in API_VERSIONS[:start]:
        with pytest.raises(InvalidSpecError) as refused:
            wire(version, wanted)
        assert (refused.value.field.partition(".")[0], version in str(refused.value)) == (
            field.partition(".")[0],
            True,
        )
    for version in API_VERSIONS[start:]:
        check(version, wanted, wire(version, wanted))


def test_the_direct_mode_of_outputs() -> None:
    """The oldest version has it, those after it have not, until 2024-04-01."""
    wanted = replace(PLAIN, outputs={"model": Output(mode="direct")})
    start = API_VERSIONS.index("2024-04-01")
    for version in (OLD, *API_VERSIONS[start:]):
        check(version, wanted, wire(version, wanted))
    for version in API_VERSIONS[1:start]:
        with pytest.raises(InvalidSpecError, match="2024-04-01 is the first"):
            wire(version, wanted)


# What the repaired schemas must refuse, lest the tests above prove nothing.

WRONG: list[dict[str, Any]] = [
    {"comand": "x"},
    {"displayname": "x"},
    {"resources": {"instanceCount": 1, "shmsize": "2g"}},
    {"resources": {"instanceCount": "1"}},
    {"inputs": {"x": {"jobInputType": "literal", "value": 1}}},
    {"inputs": {"x": {"jobInputType": "literal", "value": "-"}}},
    {"inputs": {"x": {"jobInputType": "uri_file"}}},
    {"inputs": {"x": {"jobInputType": "UriFile", "uri": "a"}}},
    {"inputs": {"x": {"jobInputType": "uri_file", "uri": "a", "mode": "ro_mount"}}},
    {"outputs": {"x": {"jobOutputType": "literal"}}},
    {"identity": {"identityType": "managed"}},
    {"identity": {"identityType": "Managed", "clientId": "me"}},
    {"distribution": {"distributionType": "PyTorch", "processCount": 4}},
    {"limits": {"jobLimitsType": "Command", "timeout": 3600}},
    {"limits": {"jobLimitsType": "Command", "timeout": "3600"}},
    {"limits": {"jobLimitsType": "Sweep", "timeout": "PT1H"}},
    {"environmentVariables": {"A": 1}},
    {"tags": None},
]


@pytest.mark.parametrize("wrong", WRONG)
def test_the_repaired_schemas_refuse(wrong: dict[str, Any]) -> None:
    body = wire("2024-04-01", PLAIN)
    for validate in (schemas.check, openapi.check_body):
        validate("2024-04-01", "jobs", body)
        with pytest.raises(jsonschema.ValidationError):
            validate("2024-04-01", "jobs", body | wrong)


@pytest.mark.parametrize("missing", ["jobType", "command", "environmentId"])
def test_the_repaired_schemas_miss(missing: str) -> None:
    body = wire("2024-04-01", PLAIN)
    del body[missing]
    for validate in (schemas.check, openapi.check_body):
        with pytest.raises(jsonschema.ValidationError):
            validate("2024-04-01", "jobs", body)


@pytest.mark.parametrize("job", [PLAIN, SWEEP])
def test_one_versions_body_is_not_the_others(job: CommandJob | SweepJob) -> None:
    for wrong, right in ((OLD, NEW), (NEW, OLD)):
        with pytest.raises(jsonschema.ValidationError):
            schemas.check(right, "jobs", wire(wrong, job))
