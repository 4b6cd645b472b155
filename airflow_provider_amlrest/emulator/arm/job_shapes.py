"""The canonical shape of jobs: api-version 2025-12-01, and which of its fields older versions lack."""

from __future__ import annotations

from typing import Any

from airflow_provider_amlrest.emulator.answers import invalid
from airflow_provider_amlrest.emulator.arm.versions import ApiVersion
from airflow_provider_amlrest.emulator.shapes import (
    Field,
    Reader,
    Record,
    Union,
    anything,
    boolean,
    duration,
    enum,
    filled,
    integer,
    listing,
    mapping,
    number,
    positive,
    required,
    string_map,
    text,
)

DISTRIBUTIONS = {
    "choice": 1,
    "randint": 1,
    "uniform": 2,
    "quniform": 3,
    "loguniform": 2,
    "qloguniform": 3,
    "normal": 2,
    "qnormal": 3,
    "lognormal": 2,
    "qlognormal": 3,
}
"""Name on the wire -> number of arguments."""

URI_INPUT = Record(
    description=text,
    uri=required(filled),
    mode=Field(
        enum("ReadOnlyMount", "ReadWriteMount", "Download", "Direct", "EvalMount", "EvalDownload"),
        "ReadOnlyMount",
    ),
)
INPUT = Union(
    "jobInputType",
    literal=Record(description=text, value=required(text)),
    uri_file=URI_INPUT,
    uri_folder=URI_INPUT,
    mltable=URI_INPUT,
    custom_model=URI_INPUT,
    mlflow_model=URI_INPUT,
    triton_model=URI_INPUT,
)
URI_OUTPUT = Record(
    description=text,
    uri=text,
    assetName=text,
    mode=Field(enum("ReadWriteMount", "Upload", "Direct"), "ReadWriteMount"),
)
OUTPUT = Union(
    "jobOutputType",
    uri_file=URI_OUTPUT,
    uri_folder=URI_OUTPUT,
    mltable=URI_OUTPUT,
    custom_model=URI_OUTPUT,
    mlflow_model=URI_OUTPUT,
    triton_model=URI_OUTPUT,
)
DISTRIBUTION = Union(
    "distributionType",
    Mpi=Record(processCountPerInstance=positive),
    PyTorch=Record(processCountPerInstance=positive),
    TensorFlow=Record(parameterServerCount=Field(integer, 0), workerCount=positive),
)
IDENTITY = Union(
    "identityType",
    AMLToken=Record(),
    Managed=Record(clientId=text, objectId=text, resourceId=text),
    UserIdentity=Record(),
)
EVALUATION: dict[str, Reader | Field] = {
    "evaluationInterval": Field(integer, 0),
    "delayEvaluation": Field(integer, 0),
}
EARLY_TERMINATION = Union(
    "policyType",
    Bandit=Record(**EVALUATION, slackFactor=number, slackAmount=number),
    MedianStopping=Record(**EVALUATION),
    TruncationSelection=Record(**EVALUATION, truncationPercentage=Field(integer, 0)),
)
SAMPLING_ALGORITHM = Union(
    "samplingAlgorithmType",
    Random=Record(rule=Field(enum("Random", "Sobol"), "Random"), seed=integer),
    Grid=Record(),
    Bayesian=Record(),
)
RESOURCES: dict[str, Reader | Field] = {
    "instanceCount": Field(positive, 1),
    "instanceType": text,
    "properties": mapping(anything),
    "dockerArgs": text,
    "dockerArgsList": listing(text),
}
SERVICE = Record(jobServiceType=text, port=integer, properties=mapping(anything), nodes=mapping(anything))


def search_space(value: Any, path: str) -> dict[str, Any]:
    """Each parameter as ``["distribution", [arguments]]``; {"type": ...} is the form of the CLI's files."""
    space: dict[str, Any] = mapping(anything)(value, path)
    if not space:
        raise invalid(path, "must name at least one hyper-parameter")
    for name, parameter in space.items():
        _check_distribution(parameter, f"{path}.{name}")
    return space


def _check_distribution(value: Any, path: str) -> None:
    form = 'must look like ["uniform", [0.01, 0.9]] or ["choice", [["gbdt", "dart"]]]'
    if not (isinstance(value, list) and len(value) == 2 and isinstance(value[1], list)):
        raise invalid(path, form)
    name, arguments = value
    if name not in DISTRIBUTIONS:
        raise invalid(path, f"{name!r} is none of {', '.join(DISTRIBUTIONS)}")
    if len(arguments) != DISTRIBUTIONS[name]:
        raise invalid(
            path, f"{name} takes {DISTRIBUTIONS[name]} argument(s), not {len(arguments)}; the form {form}"
        )
    if name == "choice" and not (isinstance(arguments[0], list) and arguments[0]):
        raise invalid(path, "choice takes one list of values, within the list of arguments")
    if name != "choice":
        for index, argument in enumerate(arguments):
            number(argument, f"{path}[1][{index}]")


BASE: dict[str, Reader | Field] = {
    "description": text,
    "tags": Field(string_map, dict),
    "properties": Field(string_map, dict),
    "displayName": text,
    "experimentName": Field(filled, "Default"),
    "services": Field(mapping(SERVICE), dict),
    "computeId": filled,
    "isArchived": Field(boolean, default=False),
    "identity": IDENTITY,
    "componentId": text,
    "notificationSetting": mapping(anything),
}
QUEUE = Record(jobTier=enum("Null", "Spot", "Basic", "Standard", "Premium"))
JOB = Union(
    "jobType",
    Command=Record(
        **BASE,
        resources=Field(
            Record(**RESOURCES, shmSize=Field(text, "2g")),
            lambda: Record(**RESOURCES, shmSize=Field(text, "2g"))({}, "resources"),
        ),
        codeId=text,
        command=required(filled),
        environmentId=required(filled),
        inputs=Field(mapping(INPUT), dict),
        outputs=Field(mapping(OUTPUT), dict),
        distribution=DISTRIBUTION,
        limits=Union("jobLimitsType", Command=Record(timeout=duration)),
        environmentVariables=Field(string_map, dict),
        queueSettings=QUEUE,
    ),
    Sweep=Record(
        **BASE,
        searchSpace=required(search_space),
        samplingAlgorithm=required(SAMPLING_ALGORITHM),
        limits=Union(
            "jobLimitsType",
            Sweep=Record(
                maxTotalTrials=positive, maxConcurrentTrials=positive, timeout=duration, trialTimeout=duration
            ),
        ),
        earlyTermination=EARLY_TERMINATION,
        objective=required(
            Record(primaryMetric=required(filled), goal=required(enum("Minimize", "Maximize")))
        ),
        trial=required(
            Record(
                codeId=text,
                command=required(filled),
                environmentId=required(filled),
                environmentVariables=Field(string_map, dict),
                distribution=DISTRIBUTION,
                resources=Field(Record(**RESOURCES), lambda: Record(**RESOURCES)({}, "resources")),
            )
        ),
        inputs=Field(mapping(INPUT), dict),
        outputs=Field(mapping(OUTPUT), dict),
        queueSettings=QUEUE,
    ),
)

GATES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("2022-10-01", "2022-06-01-preview", ("componentId",)),
    ("2022-10-01", "2022-06-01-preview", ("resources", "shmSize")),
    ("2022-10-01", "2022-06-01-preview", ("resources", "dockerArgs")),
    ("2022-10-01", "2022-06-01-preview", ("trial", "resources", "dockerArgs")),
    ("2023-04-01", "2022-12-01-preview", ("services", "*", "nodes")),
    ("2023-10-01", "2023-02-01-preview", ("queueSettings",)),
    ("2024-04-01", "2023-04-01-preview", ("notificationSetting",)),
    ("2025-12-01", "2022-12-01-preview", ("outputs", "*", "assetName")),
    ("2025-12-01", "2024-10-01-preview", ("resources", "dockerArgsList")),
    ("2025-12-01", "2024-10-01-preview", ("trial", "resources", "dockerArgsList")),
)
"""First general version, first preview, and the field they brought."""


def without_later_fields(properties: dict[str, Any], version: ApiVersion) -> dict[str, Any]:
    """The properties without the fields that this version does not have yet."""
    result = properties
    for general, preview, path in GATES:
        if not version.has(general, preview):
            result = _without(result, path)
    return result


def _without(value: Any, path: tuple[str, ...]) -> Any:
    if not isinstance(value, dict):
        return value
    name, rest = path[0], path[1:]
    if name == "*":
        return {key: _without(member, rest) for key, member in value.items()}
    if not rest:
        return {key: member for key, member in value.items() if key != name}
    return {key: _without(member, rest) if key == name else member for key, member in value.items()}
