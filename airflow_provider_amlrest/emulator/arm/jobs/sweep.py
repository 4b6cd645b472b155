"""Sweep jobs, as ARM takes and answers them. Their trials are command jobs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.arm.jobs import wire_2021
from airflow_provider_amlrest.emulator.arm.jobs.kind import Kind, Properties, Wire2021
from airflow_provider_amlrest.emulator.arm.jobs.shapes import BASE, RUN, resources
from airflow_provider_amlrest.emulator.arm.references import SHORT_NAME
from airflow_provider_amlrest.emulator.arm.shapes import (
    Field,
    MapOf,
    OneOf,
    Place,
    Reader,
    Record,
    Union,
    anything,
    duration,
    filled,
    integer,
    number,
    of_previews,
    positive,
    required,
)

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.arm.call import Call
    from airflow_provider_amlrest.emulator.config import Workspace
    from airflow_provider_amlrest.emulator.store import JobRecord

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
EVALUATION: dict[str, Reader | Field] = {
    "evaluationInterval": Field(integer, 0),
    "delayEvaluation": Field(integer, 0),
}
EARLY_TERMINATION = Union(
    "policyType",
    Bandit=Record("BanditPolicy", **EVALUATION, slackFactor=Field(number, 0), slackAmount=Field(number, 0)),
    MedianStopping=Record("MedianStoppingPolicy", **EVALUATION),
    TruncationSelection=Record(
        "TruncationSelectionPolicy", **EVALUATION, truncationPercentage=Field(integer, 0)
    ),
)
SAMPLING_ALGORITHM = Union(
    "samplingAlgorithmType",
    Random=Record(
        "RandomSamplingAlgorithm",
        rule=Field(OneOf("Random", "Sobol"), "Random"),
        logbase=of_previews("2022-12-01", "2024-04-01"),
        seed=integer,
    ),
    Grid=Record("GridSamplingAlgorithm"),
    Bayesian=Record("BayesianSamplingAlgorithm"),
)
OBJECTIVE = Record("Objective", primaryMetric=required(filled), goal=required(OneOf("Minimize", "Maximize")))


def search_space(value: Any, place: Place) -> dict[str, Any]:
    """Each parameter as ``["distribution", [arguments]]``; {"type": ...} is the form of the CLI's files."""
    space = MapOf(anything)(value, place)
    if not value:
        raise place.wrong("must name at least one hyper-parameter")
    for name, parameter in value.items():
        _check_distribution(parameter, place / name)
    return space


def _check_distribution(value: Any, place: Place) -> None:
    form = 'must look like ["uniform", [0.01, 0.9]] or ["choice", [["gbdt", "dart"]]]'
    if not (isinstance(value, list) and len(value) == 2 and isinstance(value[1], list)):
        raise place.wrong(form)
    name, arguments = value
    if not isinstance(name, str) or name not in DISTRIBUTIONS:
        raise place.wrong(f"{name!r} is none of {', '.join(DISTRIBUTIONS)}")
    if len(arguments) != DISTRIBUTIONS[name]:
        raise place.wrong(
            f"{name} takes {DISTRIBUTIONS[name]} argument(s), not {len(arguments)}; the form {form}"
        )
    if name == "choice" and not (isinstance(arguments[0], list) and arguments[0]):
        raise place.wrong("choice takes one list of values, within the list of arguments")
    if name != "choice":
        for index, argument in enumerate(arguments):
            number(argument, place / 1 / index)


SHAPE = Record(
    "SweepJob",
    **BASE,
    searchSpace=required(search_space),
    samplingAlgorithm=required(SAMPLING_ALGORITHM),
    limits=Union(
        "jobLimitsType",
        Sweep=Record(
            "SweepJobLimits",
            maxTotalTrials=positive,
            maxConcurrentTrials=positive,
            timeout=duration,
            trialTimeout=duration,
        ),
    ),
    earlyTermination=EARLY_TERMINATION,
    objective=required(OBJECTIVE),
    trial=required(Record("TrialComponent", **RUN, resources=resources(None))),
    resources=of_previews("2023-08-01", "2024-04-01"),
    componentConfiguration=of_previews("2023-08-01", "2024-04-01"),
)
SHAPE_2021 = Record(
    "SweepJob",
    **wire_2021.BASE,
    algorithm=required(OneOf("Grid", "Random", "Bayesian")),
    objective=required(OBJECTIVE),
    searchSpace=required(MapOf(anything)),
    trial=required(Record("TrialComponent", **wire_2021.RUN)),
    maxTotalTrials=positive,
    maxConcurrentTrials=positive,
    timeout=duration,
    earlyTermination=EARLY_TERMINATION,
)


def _references(properties: Properties) -> tuple[str | None, ...]:
    return properties["trial"]["environmentId"], properties["trial"]["codeId"]


def _resolved(properties: Properties, workspace: Workspace) -> Properties:
    """Recorded: a sweep answers ``azureml:name:version`` as the workspace's ARM id, a command echoes it."""
    match = SHORT_NAME.fullmatch(properties["trial"]["environmentId"])
    if match is None:
        return properties
    arm_id = f"{workspace.arm_id}/environments/{match[1]}/versions/{match[2]}"
    return {**properties, "trial": {**properties["trial"], "environmentId": arm_id}}


def _service_properties(properties: Properties) -> dict[str, str]:
    objective = properties["objective"]
    metric = {"name": objective["primaryMetric"], "goal": objective["goal"].lower()}
    return {
        "primary_metric_config": json.dumps(metric, separators=(",", ":")),
        "resume_from": "null",
        "runTemplate": "HyperDrive",
        "azureml.runsource": "hyperdrive",
        "platform": "AML",
    }


def _answer(job: JobRecord, answer: Properties) -> Properties:
    kept = answer["trial"]["resources"]
    if kept.get("shmSize") is not None:
        return answer
    answered = {name: value for name, value in kept.items() if name != "shmSize"}
    return {**answer, "trial": {**answer["trial"], "resources": answered}}


def _from_2021(sent: dict[str, Any], call: Call) -> Properties:
    trial = sent["trial"]
    space = {_parameter_name(key): value for key, value in sent["searchSpace"].items()}
    arguments = "".join(f" {key} ${{{{search_space.{_parameter_name(key)}}}}}" for key in sent["searchSpace"])
    canonical_trial = wire_2021.run_to_canonical(trial, sent["compute"])
    return (
        wire_2021.base_to_canonical(sent)
        | wire_2021.bindings_to_canonical(trial, call)
        | {
            "samplingAlgorithm": {"samplingAlgorithmType": sent["algorithm"]},
            "objective": sent["objective"],
            "searchSpace": space,
            "limits": {
                "jobLimitsType": "Sweep",
                "maxTotalTrials": sent["maxTotalTrials"],
                "maxConcurrentTrials": sent["maxConcurrentTrials"],
                "timeout": sent["timeout"],
                "trialTimeout": trial["timeout"],
            },
            "earlyTermination": sent["earlyTermination"],
            "trial": {**canonical_trial, "command": canonical_trial["command"] + arguments},
        }
    )


def _parameter_name(key: str) -> str:
    """Keys are written as the arguments they become: ``--learning_rate``."""
    return key.lstrip("-")


def _to_2021(canonical: Properties) -> Properties:
    trial, limits = canonical["trial"], canonical["limits"] or {}
    return wire_2021.base_from_canonical(canonical, trial) | {
        "algorithm": canonical["samplingAlgorithm"]["samplingAlgorithmType"],
        "objective": canonical["objective"],
        "searchSpace": canonical["searchSpace"],
        "earlyTermination": canonical["earlyTermination"],
        "maxTotalTrials": limits.get("maxTotalTrials"),
        "maxConcurrentTrials": limits.get("maxConcurrentTrials"),
        "timeout": limits.get("timeout"),
        "trial": wire_2021.run_from_canonical(trial, canonical) | {"timeout": limits.get("trialTimeout")},
    }


KIND = Kind(
    "Sweep",
    run_type="hyperdrive",
    shape=SHAPE,
    initial_status="Running",
    references=_references,
    service_properties=_service_properties,
    resolved=_resolved,
    answer=_answer,
    # The sweep has it from its start with "false"; that a cancel makes it "true" is inferred.
    cancel_tags={"_aml_system_cancellation_requested": "true"},
    wire_2021=Wire2021(SHAPE_2021, _from_2021, _to_2021),
)
