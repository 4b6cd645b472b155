"""Sweep jobs: a command over and over, at points of a search space."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from airflow_provider_amlrest.rest.jobs import wire_2021
from airflow_provider_amlrest.rest.jobs.command import (
    Distribution,
    Resources,
    run_body,
    run_features,
)
from airflow_provider_amlrest.rest.jobs.job import JobSpec
from airflow_provider_amlrest.rest.jobs.kind import Kind
from airflow_provider_amlrest.rest.jobs.search_space import SearchDistribution, encode
from airflow_provider_amlrest.rest.versions.api_versions import PREVIEW_2022_02
from airflow_provider_amlrest.rest.versions.features import Feature
from airflow_provider_amlrest.rest.versions.spelling import Spelling
from airflow_provider_amlrest.rest.versions.words import iso_duration, without_nones

SAMPLING = {"random": "Random", "grid": "Grid", "bayesian": "Bayesian"}
POLICIES = {
    "bandit": "Bandit",
    "median_stopping": "MedianStopping",
    "truncation_selection": "TruncationSelection",
}


@dataclass(frozen=True)
class Trial:
    """What a sweep runs over and over."""

    command: str
    environment: str
    code: str | None = None
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    distribution: Distribution | None = None
    resources: Resources = field(default_factory=Resources)


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

    def parts(self) -> tuple[object, ...]:
        return self, self.trial

    def placeholders(self) -> dict[str, Iterable[str]]:
        return {**super().placeholders(), "search_space": self.search_space}

    def with_run(self, environment: str, code: str | None) -> Self:
        return replace(self, trial=replace(self.trial, environment=environment, code=code))


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
    trial = wire_2021.run_body(spelling, job.trial, command, job.inputs, job.outputs)
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


KIND = Kind(
    "Sweep",
    body=_body,
    body_2021=_body_2021,
    features=(*run_features(Trial), *_FEATURES),
    has_trials=True,
)
