"""Sweep jobs: a command over and over, at points of a search space."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs import wire_2021
from airflow_provider_amlrest.rest.jobs.command import (
    RESOURCE_FEATURES,
    RUN_KEYS,
    Run,
    check_command,
    read_run,
    run_body,
    run_body_2021,
)
from airflow_provider_amlrest.rest.jobs.given import Given
from airflow_provider_amlrest.rest.jobs.kind import Kind
from airflow_provider_amlrest.rest.jobs.search_space import SearchDistribution, encode, parse_search_space
from airflow_provider_amlrest.rest.jobs.spec import COMMON_KEYS, JobSpec, read_common
from airflow_provider_amlrest.rest.reading.fields import (
    SOMETHING,
    build,
    read_typed,
    word,
)
from airflow_provider_amlrest.rest.reading.values import (
    mapping,
    optional_seconds,
    structured,
    whole,
)
from airflow_provider_amlrest.rest.versions.api_versions import PREVIEW_2022_02
from airflow_provider_amlrest.rest.versions.features import Feature
from airflow_provider_amlrest.rest.versions.spelling import Spelling
from airflow_provider_amlrest.rest.versions.words import iso_duration, without_nones

log = logging.getLogger(__name__)

SAMPLING = {"random": "Random", "grid": "Grid", "bayesian": "Bayesian"}
POLICIES = {
    "bandit": "Bandit",
    "median_stopping": "MedianStopping",
    "truncation_selection": "TruncationSelection",
}


class Trial(Run):
    """What a sweep runs over and over."""


@dataclass(frozen=True)
class Objective:
    """``goal``: minimize or maximize."""

    goal: str
    primary_metric: str


@dataclass(frozen=True)
class SamplingAlgorithm:
    """``type``: random, grid or bayesian; ``rule`` (random or sobol) and ``seed`` are random's."""

    type: str
    rule: str | None = None
    seed: int | None = None


@dataclass(frozen=True)
class EarlyTermination:
    """``type``: bandit, median_stopping or truncation_selection."""

    type: str
    evaluation_interval: int | None = None
    delay_evaluation: int | None = None
    slack_factor: float | None = None
    slack_amount: float | None = None
    truncation_percentage: int | None = None


@dataclass(frozen=True)
class SweepLimits:
    max_total_trials: int | None = None
    max_concurrent_trials: int | None = None
    timeout: float | None = None
    trial_timeout: float | None = None


@dataclass(frozen=True, kw_only=True)
class SweepJob(JobSpec):
    job_type = "Sweep"

    trial: Trial
    search_space: Mapping[str, SearchDistribution]
    objective: Objective
    sampling_algorithm: SamplingAlgorithm = SamplingAlgorithm("random")
    limits: SweepLimits = SweepLimits()
    early_termination: EarlyTermination | None = None

    def placeholders(self) -> dict[str, Iterable[str]]:
        return {**super().placeholders(), "search_space": self.search_space}


_FEATURES = (
    Feature(
        SweepJob,
        "sampling_algorithm",
        "a rule or a seed",
        PREVIEW_2022_02,
        lambda job: job.sampling_algorithm.rule is not None or job.sampling_algorithm.seed is not None,
    ),
)


def objective_body(value: Objective) -> dict[str, Any]:
    return {"goal": value.goal.capitalize(), "primaryMetric": value.primary_metric}


def early_termination_body(value: EarlyTermination | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return without_nones(
        policyType=POLICIES[value.type],
        evaluationInterval=value.evaluation_interval,
        delayEvaluation=value.delay_evaluation,
        slackFactor=value.slack_factor,
        slackAmount=value.slack_amount,
        truncationPercentage=value.truncation_percentage,
    )


def _body(spelling: Spelling, job: SweepJob) -> dict[str, Any]:
    limits = without_nones(
        maxTotalTrials=job.limits.max_total_trials,
        maxConcurrentTrials=job.limits.max_concurrent_trials,
        timeout=iso_duration(job.limits.timeout),
        trialTimeout=iso_duration(job.limits.trial_timeout),
    )
    sampling = without_nones(
        samplingAlgorithmType=SAMPLING[job.sampling_algorithm.type],
        rule=job.sampling_algorithm.rule and job.sampling_algorithm.rule.capitalize(),
        seed=job.sampling_algorithm.seed,
    )
    return {
        "trial": run_body(job.trial),
        "searchSpace": {name: encode(value) for name, value in job.search_space.items()},
        "objective": objective_body(job.objective),
        "samplingAlgorithm": sampling,
        **without_nones(
            limits={"jobLimitsType": "Sweep", **limits} if limits else None,
            earlyTermination=early_termination_body(job.early_termination),
        ),
    }


def _body_2021(spelling: Spelling, job: SweepJob) -> dict[str, Any]:
    command, flags = wire_2021.arguments_to_keys(job.trial.command, job.search_space)
    trial = run_body_2021(spelling, job, job.trial, command)
    limits = job.limits
    return {
        "algorithm": job.sampling_algorithm.type.capitalize(),
        "objective": objective_body(job.objective),
        "searchSpace": {flags[name]: encode(value) for name, value in job.search_space.items()},
        "trial": trial | without_nones(timeout=wire_2021.minutes(limits.trial_timeout)),
        **without_nones(
            compute=wire_2021.compute(job.compute, job.trial.resources),
            maxTotalTrials=limits.max_total_trials,
            maxConcurrentTrials=limits.max_concurrent_trials,
            timeout=wire_2021.minutes(limits.timeout),
            earlyTermination=early_termination_body(job.early_termination),
        ),
    }


def _read(given: Given) -> SweepJob:
    sampling = parse_sampling_algorithm("sampling_algorithm", given["sampling_algorithm"])
    job = SweepJob(
        **read_common(given),
        trial=Trial(**read_run(given)),
        search_space=parse_search_space(given["search_space"]),
        objective=parse_objective("objective", given["objective"]),
        sampling_algorithm=sampling or SamplingAlgorithm("random"),
        limits=parse_sweep_limits("limits", given["limits"]),
        early_termination=parse_early_termination("early_termination", given["early_termination"]),
    )
    check_sweep(job)
    groups = {"inputs": job.inputs, **job.placeholders()}
    for name in check_command("command", job.trial.command, groups):
        log.warning("The command never uses the sweep's parameter ${{search_space.%s}}.", name)
    return job


KIND = Kind(
    "Sweep",
    read=_read,
    keys={
        **COMMON_KEYS,
        **{f"trial.{key}": name for key, name in RUN_KEYS.items()},
        **{name: name for name in ("search_space", "objective", "sampling_algorithm", "limits")},
        "early_termination": "early_termination",
    },
    body=_body,
    body_2021=_body_2021,
    features=(*RESOURCE_FEATURES, *_FEATURES),
    parts=("trial", "trial.resources"),
    has_trials=True,
)


def parse_sampling_algorithm(field: str, value: Any) -> SamplingAlgorithm | None:
    """Read ``{"type": "random", "rule": "sobol", "seed": 7}``, or the type alone."""
    value = structured(value)
    if isinstance(value, Mapping) and value.get("rule") is not None:
        value = {**value, "rule": word(f"{field}.rule", value["rule"], ("random", "sobol"))}
    return read_typed(field, value, SamplingAlgorithm, tuple(SAMPLING))


def parse_early_termination(field: str, value: Any) -> EarlyTermination | None:
    """Read ``{"type": "bandit", "slack_factor": 0.1}``."""
    return read_typed(field, value, EarlyTermination, tuple(POLICIES))


def parse_objective(field: str, value: Any) -> Objective:
    """Read ``{"goal": "minimize", "primary_metric": "loss"}``."""
    objective = build(field, mapping(field, value), Objective)
    objective = replace(objective, goal=word(f"{field}.goal", objective.goal, ("minimize", "maximize")))
    if not SOMETHING.search(objective.primary_metric):
        raise InvalidSpecError(
            f"{field}.primary_metric",
            "it is empty, or without letter or digit; give the name that the script logs.",
        )
    return objective


def parse_sweep_limits(field: str, value: Any) -> SweepLimits:
    """Read the mapping with a sweep's limits; times in seconds."""
    limits = build(field, mapping(field, value), SweepLimits)
    for name in ("max_total_trials", "max_concurrent_trials"):
        count = getattr(limits, name)
        if count is not None:
            whole(f"{field}.{name}", count, 1, 1000)
    for name in ("timeout", "trial_timeout"):
        optional_seconds(f"{field}.{name}", getattr(limits, name))
    return limits


def check_sweep(job: SweepJob) -> None:
    """Check what only the whole sweep shows: that algorithm, search space and policy go together."""
    kinds = {distribution.type for distribution in job.search_space.values()}
    for algorithm, allowed in (("grid", {"choice"}), ("bayesian", {"choice", "uniform", "quniform"})):
        if job.sampling_algorithm.type == algorithm and not kinds <= allowed:
            raise InvalidSpecError(
                "sampling_algorithm",
                f"{algorithm} takes only {', '.join(sorted(allowed))}; the search space has "
                f"{', '.join(sorted(kinds - allowed))}.",
            )
    if job.sampling_algorithm.type != "random" and (
        job.sampling_algorithm.rule is not None or job.sampling_algorithm.seed is not None
    ):
        raise InvalidSpecError("sampling_algorithm", "rule and seed belong to random alone; leave them out.")
    policy = job.early_termination
    if policy and job.sampling_algorithm.type == "bayesian":
        raise InvalidSpecError(
            "early_termination", "bayesian takes no policy; leave it out, or sample by random or grid."
        )
    for name in ("evaluation_interval", "delay_evaluation", "slack_factor", "slack_amount"):
        number = getattr(policy, name, None)
        if number is not None and number < 0:
            raise InvalidSpecError(f"early_termination.{name}", f"{number!r} must not be negative.")
    if policy and policy.type == "bandit" and (policy.slack_factor is None) == (policy.slack_amount is None):
        raise InvalidSpecError("early_termination", "bandit takes either slack_factor or slack_amount.")
    if policy and policy.type == "truncation_selection":
        whole("early_termination.truncation_percentage", policy.truncation_percentage, 1, 99)
