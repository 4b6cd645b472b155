"""What a person writes: either the operators refuse it in words, or every body made of it is valid.

The operators' own reading is used, as far as it asks the service nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_amlrest.operators import (
    AzureMLCreateEnvironmentOperator,
    AzureMLSubmitCommandJobOperator,
    AzureMLSubmitSweepJobOperator,
)
from airflow_provider_amlrest.rest.assets.data import DATA_TYPES
from airflow_provider_amlrest.rest.assets.environment import Environment
from airflow_provider_amlrest.rest.assets.model import MODEL_TYPES
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.command import CommandJob
from airflow_provider_amlrest.rest.jobs.sweep import SweepJob
from airflow_provider_amlrest.rest.versions.api_versions import API_VERSIONS, DEFAULT_API_VERSION
from tests.contract.bodies import check_shape, wire
from tests.contract.strategies import (
    ANY_URI,
    COUNT,
    GUID,
    HTTPS_URI,
    NAME,
    NUMBER,
    PATH,
    TEXT,
    TYPE,
    ids,
)
from tests.contract.tally import count
from tests.support.looked_up import looked_up
from tests.support.tasks import read_job
from tests.unit.jobs import arm_id


def mapping(*needed: str, **members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with those of these members that are needed, and any of the others."""
    required = {name: members.pop(name) for name in needed}
    return st.fixed_dictionaries(required, optional=members)


def one_of(*values: str) -> st.SearchStrategy[str]:
    return st.sampled_from(values)


TEXTS = st.dictionaries(NAME, TEXT | st.integers() | st.booleans(), max_size=2)
MODE = one_of("ro_mount", "rw_mount", "download", "direct", "eval_mount", "eval_download")
# With a colon it might name an asset, which would have to be asked for: data has its type beside it.
LITERAL = (TEXT | NUMBER | st.booleans()).filter(lambda value: ":" not in str(value))
REGISTERED = st.builds("azureml://registries/r/data/{}/versions/1".format, NAME)
INPUT = st.one_of(
    LITERAL,
    mapping("type", "path", type=st.sampled_from(DATA_TYPES), path=ids("data") | REGISTERED, mode=MODE),
    mapping("type", "path", type=st.sampled_from(MODEL_TYPES), path=ids("models"), mode=MODE),
    mapping("path", type=TYPE, path=ANY_URI, mode=MODE),
)
OUTPUT = TYPE | mapping(type=TYPE, mode=one_of("rw_mount", "upload", "direct"), path=ANY_URI, name=NAME)

COMMON: dict[str, st.SearchStrategy[Any]] = {
    "outputs": st.dictionaries(NAME, OUTPUT, max_size=2),
    "experiment_name": NAME,
    "display_name": TEXT,
    "description": TEXT,
    "environment_variables": TEXTS,
    "instance_count": COUNT,
    "instance_type": TEXT,
    "shm_size": one_of("2g", "512m", "1K"),
    "docker_args": TEXT | st.lists(TEXT, min_size=1, max_size=2),
    "job_resources": mapping(properties=st.dictionaries(NAME, TEXT | NUMBER, max_size=2)),
    "distribution": one_of("pytorch", "mpi")
    | mapping("type", type=one_of("pytorch", "mpi"), process_count_per_instance=COUNT)
    | mapping("type", type=st.just("tensorflow"), parameter_server_count=COUNT, worker_count=COUNT),
    "identity": one_of("aml_token", "managed", "user_identity")
    | mapping("type", type=st.just("managed"), client_id=GUID, object_id=GUID, resource_id=TEXT),
    "services": st.dictionaries(
        NAME,
        mapping(
            "type",
            type=one_of("ssh", "jupyter_lab", "tensor_board", "vs_code", "custom"),
            port=st.integers(1, 65535),
            properties=TEXTS,
            all_nodes=st.booleans(),
        ),
        max_size=1,
    ),
    "queue_settings": mapping(job_tier=one_of("spot", "basic", "standard", "premium", "Spot")),
    "tags": TEXTS,
    "properties": TEXTS,
}
RANGE = st.tuples(NUMBER, st.floats(0.001, 1e6)).map(lambda pair: (pair[0], pair[0] + pair[1]))
STEP = st.floats(1e-6, 100)
SEARCH = st.one_of(
    st.fixed_dictionaries(
        {
            "type": st.just("choice"),
            "values": st.lists(TEXT | NUMBER | st.booleans(), min_size=1, max_size=3),
        }
    ),
    st.fixed_dictionaries({"type": st.just("randint"), "upper": COUNT}),
    st.builds(
        lambda kind, ends: {"type": kind, "min_value": ends[0], "max_value": ends[1]},
        one_of("uniform", "loguniform"),
        RANGE,
    ),
    st.builds(lambda kind, ends, q: [kind, [*ends, q]], one_of("quniform", "qloguniform"), RANGE, STEP),
    st.fixed_dictionaries({"type": one_of("normal", "lognormal"), "mu": NUMBER, "sigma": STEP}),
    st.fixed_dictionaries({"type": one_of("qnormal", "qlognormal"), "mu": NUMBER, "sigma": STEP, "q": STEP}),
)
SLACK = st.floats(0, 1, allow_nan=False)
INTERVALS = {"evaluation_interval": COUNT, "delay_evaluation": COUNT}
SWEEP: dict[str, st.SearchStrategy[Any]] = {
    "objective": st.fixed_dictionaries({"goal": one_of("minimize", "maximize"), "primary_metric": TEXT}),
    "sampling_algorithm": st.just("random")
    | mapping("type", type=st.just("random"), rule=one_of("random", "sobol"), seed=COUNT),
    "limits": mapping(
        max_total_trials=COUNT, max_concurrent_trials=COUNT, timeout=COUNT, trial_timeout=COUNT
    ),
    "early_termination": mapping(
        "type", "slack_factor", type=st.just("bandit"), slack_factor=SLACK, **INTERVALS
    )
    | mapping("type", type=st.just("median_stopping"), **INTERVALS)
    | mapping(
        "type",
        "truncation_percentage",
        type=st.just("truncation_selection"),
        truncation_percentage=st.integers(1, 99),
        **INTERVALS,
    ),
}


def some_of(members: dict[str, st.SearchStrategy[Any]], most: int = 4) -> st.SearchStrategy[dict[str, Any]]:
    """A few at a time: of many, one would nearly always be refused, and hide the others."""
    chosen = st.lists(st.sampled_from(sorted(members)), max_size=most, unique=True)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: members[name] for name in names}))


def read(operator: Any) -> CommandJob | SweepJob | Environment | None:
    """What an operator would send; None: it refuses to. Nothing is to be looked up."""
    nothing: Any = None
    try:
        if isinstance(operator, AzureMLCreateEnvironmentOperator):
            environment: Environment = operator._read(Path())[0]
            return environment
        job = replace(read_job(operator, Path()), compute=arm_id("computes", "cpu"))
        looked_up(job, lambda lookup: lookup.check(None))
    except InvalidSpecError:
        return None
    found: CommandJob | SweepJob = looked_up(job, lambda lookup: lookup.find(nothing))
    return found


def check_versions(wanted: Any, versions: tuple[str, ...] = API_VERSIONS) -> None:
    """Every version takes it, or refuses it; today's takes all that the operators take."""
    for version in versions:
        try:
            body = wire(version, wanted)
        except InvalidSpecError:
            if version == DEFAULT_API_VERSION:
                raise
        else:
            check_shape(version, wanted, body)
    count("things as a person writes them")


def check_taken(operator: Any) -> None:
    """The operator takes it, and what becomes of it is valid."""
    wanted = read(operator)
    assert wanted is not None
    check_versions(wanted)


GUID_1 = "00000000-0000-0000-0000-000000000001"
GIVEN: dict[str, Any] = {"task_id": "t", "environment": arm_id("environments", "e", "1")}


# Whatever makes sense


@given(some_of(COMMON), st.dictionaries(NAME, INPUT, max_size=3), mapping(timeout=COUNT))
def test_command_job(members: dict[str, Any], inputs: dict[str, Any], limits: dict[str, Any]) -> None:
    command = " ".join(["python", "train.py", *[f"${{{{inputs.{name}}}}}" for name in inputs]])
    check_taken(
        AzureMLSubmitCommandJobOperator(**GIVEN, command=command, inputs=inputs, limits=limits, **members)
    )


@given(
    some_of(COMMON, 1), st.fixed_dictionaries(SWEEP), st.dictionaries(NAME, SEARCH, min_size=1, max_size=2)
)
def test_sweep(members: dict[str, Any], sweep: dict[str, Any], space: dict[str, Any]) -> None:
    command = " ".join(["python", "train.py", *[f"--{name} ${{{{search_space.{name}}}}}" for name in space]])
    check_taken(
        AzureMLSubmitSweepJobOperator(**GIVEN, command=command, search_space=space, **(members | sweep))
    )


IMAGE = mapping(
    "image", image=TEXT, conda_file=st.fixed_dictionaries({"dependencies": st.lists(TEXT, max_size=2)})
)
BUILD = st.fixed_dictionaries({"build": mapping("path", path=HTTPS_URI, dockerfile_path=PATH)})


@given(IMAGE | BUILD, mapping(os_type=one_of("Linux", "Windows"), description=TEXT, tags=TEXTS))
def test_environment(source: dict[str, Any], members: dict[str, Any]) -> None:
    check_taken(AzureMLCreateEnvironmentOperator(task_id="t", name="e", **source, **members))


# What does not: one odd value in the place of each that was right

ODD: list[Any] = ["", "-", "[]", "&&", " ", "é", "2g", "PT1H", "azureml://", "https://", "/subscriptions/x"]
ODD += [0, -1, 1.5, 2**31, 10**40, inf, nan, True, False, None, [], [1], {}, {"a": 1}]

RIGHT: dict[str, Any] = {
    "command": "python train.py ${{inputs.lr}} ${{inputs.iris}} ${{outputs.model}}",
    "environment": GIVEN["environment"],
    "code": arm_id("codes", "c", "1"),
    "inputs": {
        "lr": "0.1",
        "iris": {"type": "uri_file", "path": "azureml://registries/r/data/d/versions/1", "mode": "download"},
        "blob": {"type": "uri_folder", "path": "https://host/folder"},
    },
    "outputs": {
        "model": {"type": "mlflow_model", "mode": "upload", "path": "https://host/x"},
        "table": "mltable",
    },
    "experiment_name": "exp",
    "display_name": "Train",
    "description": "what it is for",
    "environment_variables": {"A": "b"},
    "instance_count": 2,
    "instance_type": "Standard_E4s_v3",
    "shm_size": "2g",
    "docker_args": "--ipc=host",
    "job_resources": {"properties": {"p": "q"}},
    "distribution": {"type": "pytorch", "process_count_per_instance": 4},
    "identity": {"type": "managed", "client_id": GUID_1, "object_id": GUID_1, "resource_id": "/r"},
    "services": {"s": {"type": "ssh", "port": 22, "properties": {"p": "q"}, "all_nodes": True}},
    "queue_settings": {"job_tier": "spot"},
    "tags": {"t": "u"},
    "properties": {"p": "q"},
}
RIGHT_COMMAND = RIGHT | {"limits": {"timeout": 3600}}
RIGHT_TENSORFLOW = {"distribution": {"type": "tensorflow", "parameter_server_count": 1, "worker_count": 2}}
RIGHT_SWEEP = (
    RIGHT
    | RIGHT_TENSORFLOW
    | {
        "command": "python train.py --lr ${{search_space.lr}} --depth ${{search_space.depth}}",
        "search_space": {
            "lr": {"type": "uniform", "min_value": 0.1, "max_value": 0.9},
            "depth": {"type": "choice", "values": [1, "two"]},
            "rounds": {"type": "randint", "upper": 10},
            "noise": ["qnormal", [0, 1, 0.1]],
        },
        "objective": {"goal": "maximize", "primary_metric": "accuracy"},
        "sampling_algorithm": {"type": "random", "rule": "sobol", "seed": 7},
        "limits": {"max_total_trials": 9, "max_concurrent_trials": 3, "timeout": 60, "trial_timeout": 9},
        "early_termination": {
            "type": "bandit",
            "slack_factor": 0.1,
            "evaluation_interval": 1,
            "delay_evaluation": 5,
        },
    }
)
RIGHT_TRUNCATION = {"early_termination": {"type": "truncation_selection", "truncation_percentage": 20}}
RIGHT_ENVIRONMENT = {
    "image": "python:3.11",
    "conda_file": {"dependencies": ["python"]},
    "os_type": "Linux",
    "description": "what it is for",
    "tags": {"t": "u"},
}
RIGHT_BUILD = {"build": {"path": "https://host/folder/", "dockerfile_path": "docker/Dockerfile"}}


CASES: list[tuple[type[Any], dict[str, Any]]] = [
    (AzureMLSubmitCommandJobOperator, RIGHT_COMMAND),
    (AzureMLSubmitSweepJobOperator, RIGHT_SWEEP),
    (AzureMLSubmitSweepJobOperator, RIGHT_SWEEP | RIGHT_TRUNCATION),
    (AzureMLCreateEnvironmentOperator, {"name": "e"} | RIGHT_ENVIRONMENT),
    (AzureMLCreateEnvironmentOperator, {"name": "e"} | RIGHT_BUILD),
]


@pytest.mark.parametrize(("operator", "right"), CASES)
def test_what_is_right_is_taken(operator: type[Any], right: dict[str, Any]) -> None:
    check_taken(operator(task_id="t", **right))


@pytest.mark.parametrize(("operator", "right"), CASES)
def test_one_odd_value_is_refused_or_valid(operator: type[Any], right: dict[str, Any]) -> None:
    for place in places(right):
        for odd in ODD:
            try:
                wanted = read(operator(task_id="t", **replaced(right, place, odd)))
                if wanted is not None:
                    check_versions(wanted, ("2024-04-01", DEFAULT_API_VERSION))
            except Exception as error:
                error.add_note(f"{'.'.join(map(str, place))} is {odd!r}")
                raise


def places(value: Any) -> Iterator[tuple[Any, ...]]:
    """The way to each value in a nested mapping or list."""
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, member in members:
        yield (key,)
        for place in places(member):
            yield (key, *place)


def replaced(value: Any, place: tuple[Any, ...], odd: Any) -> Any:
    if not place:
        return odd
    copied = copy(value)
    copied[place[0]] = replaced(value[place[0]], place[1:], odd)
    return copied
