"""Sweep jobs: a command over and over, at points of a search space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from airflow_provider_amlrest.rest.jobs.command import Distribution, Resources
from airflow_provider_amlrest.rest.jobs.job import JobSpec
from airflow_provider_amlrest.rest.jobs.search_space import SearchDistribution


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
    trial: Trial
    search_space: Mapping[str, SearchDistribution]
    objective: Objective
    sampling_algorithm: SamplingAlgorithm = SamplingAlgorithm("random")
    limits: SweepLimits = SweepLimits()
    early_termination: EarlyTermination | None = None
