"""The operator that submits a hyper-parameter sweep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_amlrest.operators.arguments import WAIT, Argument, names, renderers
from airflow_provider_amlrest.operators.base import AzureMLOperator
from airflow_provider_amlrest.operators.commands import RUN, AzureMLRunOperator

SWEEP = (
    *WAIT,
    *RUN,
    Argument("search_space", renderer="json"),
    Argument("objective", renderer="json"),
    Argument("sampling_algorithm"),
    Argument("early_termination", renderer="json"),
)


class AzureMLSubmitSweepJobOperator(AzureMLRunOperator):
    """Submit a hyper-parameter sweep, once, and wait for its end.

    The parameters of :class:`AzureMLSubmitCommandJobOperator` describe the trial; the command also has
    ``${{search_space.x}}``. Beside them:

    :param search_space: parameter to ``{"type": "uniform", "min_value": 0.01, "max_value": 0.3}``; types:
        choice (values), randint (upper), uniform, loguniform (exponents of e), normal, lognormal (mu, sigma),
        and their q-forms (q).
    :param objective: ``{"goal": "minimize" or "maximize", "primary_metric": <MLflow metric>}``.
    :param sampling_algorithm: ``random``, ``grid``, ``bayesian``, or
        ``{"type": "random", "rule": "sobol", "seed": 7}``.
    :param limits: ``{"max_total_trials", "max_concurrent_trials", "timeout", "trial_timeout"}``; seconds.
    :param early_termination: ``{"type": "bandit", "slack_factor": 0.1, "evaluation_interval": 1}``,
        ``median_stopping`` or ``truncation_selection`` (truncation_percentage).

    XCom: as a command job's; after waiting also ``trials`` (how many) and ``best_trial``
    ``{"name", "params", "metric", "metrics"}``.
    """

    job_type = "Sweep"
    template_fields = (*AzureMLOperator.template_fields, *names(SWEEP))
    template_fields_renderers = renderers(SWEEP)

    def __init__(
        self,
        *,
        search_space: Mapping[str, Any],
        objective: Mapping[str, str],
        sampling_algorithm: str | Mapping[str, Any] = "random",
        early_termination: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.search_space = search_space
        self.objective = objective
        self.sampling_algorithm = sampling_algorithm
        self.early_termination = early_termination
