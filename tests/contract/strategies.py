"""Whatever the neutral model can say, for hypothesis."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar

from hypothesis import strategies as st

from airflow_provider_amlrest.rest.assets.code import Code
from airflow_provider_amlrest.rest.assets.data import DATA_TYPES, Data
from airflow_provider_amlrest.rest.assets.environment import BuildContext, Environment
from airflow_provider_amlrest.rest.assets.model import MODEL_TYPES, Model
from airflow_provider_amlrest.rest.jobs.command import CommandJob, Distribution, Resources
from airflow_provider_amlrest.rest.jobs.inputs import INPUT_MODES
from airflow_provider_amlrest.rest.jobs.job import (
    DataInput,
    Identity,
    LiteralInput,
    Notifications,
    Output,
    Service,
)
from airflow_provider_amlrest.rest.jobs.reading import JOB_TIERS, NOTIFICATIONS, OUTPUT_MODES
from airflow_provider_amlrest.rest.jobs.search_space import SearchDistribution
from airflow_provider_amlrest.rest.jobs.sweep import (
    EarlyTermination,
    Objective,
    SamplingAlgorithm,
    SweepJob,
    SweepLimits,
    Trial,
)
from tests.contract.schemas import NUMBERS_OF
from tests.unit.jobs import arm_id

T = TypeVar("T")
Job = TypeVar("Job", CommandJob, SweepJob)


def covering(cls: type[T], **members: st.SearchStrategy[Any]) -> st.SearchStrategy[T]:
    """Instances of one of the model's classes. A member without a strategy fails here: none is forgotten."""
    # What is not compared is no member of the job.
    names = {field.name for field in fields(cls) if field.compare}  # type: ignore[arg-type]
    assert names == set(members), f"{cls.__name__}: {names ^ set(members)}"
    return st.builds(cls, **members)


def maybe(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    return st.none() | strategy


NOTHING = st.none()
ANY_TEXT = st.text(max_size=8)
# What the service wants of a text that it needs: one letter, digit or underscore.
TEXT = st.builds("{}x{}".format, ANY_TEXT, ANY_TEXT)
NAME = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,8}", fullmatch=True)
MAP = st.dictionaries(NAME, ANY_TEXT, max_size=2)
COUNT = st.integers(1, 1000)
SECONDS = st.floats(0.001, 5_184_000, allow_nan=False)
NUMBER = st.floats(-1e6, 1e6, allow_nan=False) | st.integers(-1000, 1000)
GUID = st.uuids().map(str)
TYPE = st.sampled_from((*DATA_TYPES, *MODEL_TYPES))

PATH = st.from_regex(r"[a-z0-9]{1,6}(/[a-z0-9]{1,6}){0,2}/?", fullmatch=True)
DATASTORE_URI = st.builds("azureml://datastores/{}/paths/{}".format, NAME, PATH)
HTTPS_URI = st.builds("https://account.blob.core.windows.net/container/{}".format, PATH)
OTHER_URI = st.builds("{}://container@account/{}".format, st.sampled_from(("wasbs", "abfss")), PATH)
ANY_URI = DATASTORE_URI | HTTPS_URI | OTHER_URI


def ids(kind: str, *, versions: bool = True) -> st.SearchStrategy[str]:
    return st.builds(lambda name, version: arm_id(kind, name, version), NAME, NAME if versions else NOTHING)


# Assets

CONDA = st.fixed_dictionaries(
    {"dependencies": st.lists(TEXT | st.fixed_dictionaries({"pip": st.lists(TEXT, max_size=2)}), max_size=2)},
    optional={"name": TEXT, "channels": st.lists(TEXT, max_size=2)},
)
BUILD = covering(BuildContext, uri=HTTPS_URI, dockerfile_path=PATH)


def environments_from(
    image: st.SearchStrategy[Any], build: st.SearchStrategy[Any]
) -> st.SearchStrategy[Environment]:
    return covering(
        Environment,
        name=NAME,
        version=NAME,
        image=image,
        conda=maybe(CONDA),
        build=build,
        os_type=st.sampled_from(("Linux", "Windows")),
        description=maybe(ANY_TEXT),
        tags=MAP,
        id=st.just(""),
        provisioning_state=NOTHING,
    )


ENVIRONMENTS = environments_from(TEXT, NOTHING) | environments_from(NOTHING, BUILD)


def codes_at(datastore: st.SearchStrategy[Any], path: st.SearchStrategy[Any]) -> st.SearchStrategy[Code]:
    return covering(
        Code,
        name=NAME,
        version=NAME,
        uri=HTTPS_URI,
        datastore=datastore,
        path=path,
        content_hash=maybe(st.from_regex(r"[0-9a-f]{64}", fullmatch=True)),
        description=maybe(ANY_TEXT),
        tags=MAP,
        id=st.just(""),
    )


CODES = codes_at(NAME, PATH) | codes_at(NOTHING, NOTHING)


def data_of(types: tuple[str, ...], referenced: st.SearchStrategy[Any]) -> st.SearchStrategy[Data]:
    return covering(
        Data,
        name=NAME,
        version=NAME,
        type=st.sampled_from(types),
        uri=ANY_URI,
        description=maybe(ANY_TEXT),
        tags=MAP,
        id=st.just(""),
        referenced_uris=referenced,
    )


DATA = data_of(DATA_TYPES, st.just(())) | data_of(("mltable",), st.lists(ANY_URI, max_size=2).map(tuple))

MODELS = covering(
    Model,
    name=NAME,
    version=NAME,
    type=st.sampled_from(MODEL_TYPES),
    uri=ANY_URI,
    description=maybe(ANY_TEXT),
    tags=MAP,
    properties=MAP,
    stage=maybe(TEXT),
    flavors=st.dictionaries(NAME, MAP, max_size=2),
    job_name=maybe(NAME),
    is_archived=st.booleans(),
    id=st.just(""),
)

# Jobs

INPUT = covering(LiteralInput, value=TEXT) | covering(
    DataInput, type=TYPE, uri=ids("data") | ANY_URI, mode=st.sampled_from(INPUT_MODES)
)
OUTPUT = covering(
    Output,
    type=TYPE,
    mode=st.sampled_from(OUTPUT_MODES),
    uri=maybe(ANY_URI),
    name=maybe(NAME),
    version=NOTHING,
)
RESOURCES = covering(
    Resources,
    instance_count=COUNT,
    instance_type=maybe(TEXT),
    shm_size=maybe(st.from_regex(r"[1-9][0-9]{0,2}[bBkKmMgG]", fullmatch=True)),
    docker_args=maybe(TEXT),
    docker_args_list=st.lists(TEXT, max_size=2).map(tuple),
    properties=st.dictionaries(NAME, ANY_TEXT | NUMBER | st.booleans(), max_size=2),
    # No version that we speak has them.
    max_instance_count=NOTHING,
    locations=st.just(()),
)


def distributions(
    types: tuple[str, ...], processes: st.SearchStrategy[Any], servers: st.SearchStrategy[Any]
) -> st.SearchStrategy[Distribution]:
    return covering(
        Distribution,
        type=st.sampled_from(types),
        process_count_per_instance=processes,
        parameter_server_count=servers,
        worker_count=servers,
    )


DISTRIBUTION = distributions(("pytorch", "mpi"), maybe(COUNT), NOTHING) | distributions(
    ("tensorflow",), NOTHING, maybe(COUNT)
)


def identities(
    types: tuple[str, ...], guid: st.SearchStrategy[Any], resource: st.SearchStrategy[Any]
) -> st.SearchStrategy[Identity]:
    return covering(
        Identity,
        type=st.sampled_from(types),
        client_id=guid,
        object_id=guid,
        resource_id=resource,
    )


IDENTITY = identities(("aml_token", "user_identity"), NOTHING, NOTHING) | identities(
    ("managed",), maybe(GUID), maybe(TEXT)
)
SERVICE = covering(
    Service,
    type=st.sampled_from(("ssh", "jupyter_lab", "tensor_board", "vs_code", "custom")),
    port=maybe(st.integers(1, 65535)),
    properties=MAP,
    all_nodes=st.booleans(),
)

OF_A_RUN: dict[str, st.SearchStrategy[Any]] = {
    "command": st.just(""),  # See commanded().
    "environment": ids("environments"),
    "code": maybe(ids("codes")),
    "environment_variables": MAP,
    "distribution": maybe(DISTRIBUTION),
    "resources": RESOURCES,
}
OF_A_JOB: dict[str, st.SearchStrategy[Any]] = {
    # Often, as 2021-03-01-preview can do without none.
    "compute": st.one_of(NOTHING, *[ids("computes", versions=False)] * 3),
    "inputs": st.dictionaries(NAME, INPUT, max_size=2),
    "outputs": st.dictionaries(NAME, OUTPUT, max_size=2),
    "experiment_name": maybe(TEXT),
    "display_name": maybe(TEXT),
    "description": maybe(ANY_TEXT),
    "tags": MAP,
    "properties": MAP,
    "identity": maybe(IDENTITY),
    "services": st.dictionaries(NAME, SERVICE, max_size=1),
    "job_tier": maybe(st.sampled_from(JOB_TIERS)),
    "notifications": maybe(
        st.builds(
            Notifications,
            email_on=st.lists(st.sampled_from(NOTIFICATIONS), min_size=1, unique=True).map(tuple),
            emails=st.just(("on.call@example.org",)),
        )
    ),
}


def commanded(job: Job) -> Job:
    """The job with a command that uses everything that it has."""
    arguments = {"inputs": job.inputs, "outputs": job.outputs}
    if isinstance(job, SweepJob):
        arguments["search_space"] = job.search_space
    words = [
        f"--{name} ${{{{{group}.{name}}}}}" for group, names in arguments.items() for name in sorted(names)
    ]
    command = " ".join(["python train.py", *words])
    if isinstance(job, SweepJob):
        return replace(job, trial=replace(job.trial, command=command))
    return replace(job, command=command)


COMMAND_JOBS = covering(CommandJob, timeout=maybe(SECONDS), **OF_A_RUN, **OF_A_JOB).map(commanded)


CHOICE_VALUE = TEXT | NUMBER | st.booleans()
SEARCH_DISTRIBUTION = st.one_of(
    *[
        covering(SearchDistribution, type=st.just(kind), arguments=st.tuples(*[NUMBER] * arguments))
        for kind, arguments in NUMBERS_OF.items()
    ],
    covering(SearchDistribution, type=st.just("randint"), arguments=st.tuples(COUNT)),
    covering(
        SearchDistribution,
        type=st.just("choice"),
        arguments=st.tuples(st.lists(CHOICE_VALUE, min_size=1, max_size=3).map(tuple)),
    ),
)


def early_terminations(kind: str, **own: st.SearchStrategy[Any]) -> st.SearchStrategy[EarlyTermination]:
    members = dict.fromkeys(("slack_factor", "slack_amount", "truncation_percentage"), NOTHING) | own
    interval = maybe(COUNT)
    return covering(
        EarlyTermination,
        type=st.just(kind),
        evaluation_interval=interval,
        delay_evaluation=interval,
        **members,
    )


SLACK = st.floats(0, 100, allow_nan=False)
EARLY_TERMINATION = st.one_of(
    early_terminations("bandit", slack_factor=SLACK),
    early_terminations("bandit", slack_amount=SLACK),
    early_terminations("median_stopping"),
    early_terminations("truncation_selection", truncation_percentage=st.integers(1, 99)),
)
SAMPLING = covering(
    SamplingAlgorithm, type=st.sampled_from(("grid", "bayesian")), rule=NOTHING, seed=NOTHING
) | covering(
    SamplingAlgorithm,
    type=st.just("random"),
    rule=maybe(st.sampled_from(("random", "sobol"))),
    seed=maybe(st.integers(0, 2**31 - 1)),
)
SWEEP_JOBS = covering(
    SweepJob,
    trial=covering(Trial, **OF_A_RUN),
    search_space=st.dictionaries(NAME, SEARCH_DISTRIBUTION, min_size=1, max_size=3),
    objective=covering(Objective, goal=st.sampled_from(("minimize", "maximize")), primary_metric=TEXT),
    sampling_algorithm=SAMPLING,
    limits=covering(
        SweepLimits,
        max_total_trials=maybe(COUNT),
        max_concurrent_trials=maybe(COUNT),
        timeout=maybe(SECONDS),
        trial_timeout=maybe(SECONDS),
    ),
    early_termination=maybe(EARLY_TERMINATION),
    **OF_A_JOB,
).map(commanded)
