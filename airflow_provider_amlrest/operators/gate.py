"""The gate between a trained model and its use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BranchMixIn

from airflow_provider_amlrest.links import push
from airflow_provider_amlrest.operators.base import AzureMLOperator, fail_without_retries

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class AzureMLCompareModelsOperator(AzureMLOperator, BranchMixIn):
    """Compare a candidate's metrics with those of the current model, and say whether it is accepted.

    A candidate that is not better is no error: the task succeeds, and its result says so. A metric that is
    missing, or is no finite number, is never good enough.

    :param candidate: the new one: the result of an operator that submits jobs, or of one that registers
        models; or the name of a job, ``iris:7``, ``iris@latest``. Of a sweep, the best trial counts.
    :param champion: the current one: ``iris:3``, ``iris@latest``; or ``{"name": "iris"}`` with a ``stage`` or
        ``tags``, for the newest version that has them and is neither archived nor the candidate.
    :param metric: the name of the metric that decides.
    :param goal: ``maximize`` or ``minimize``.
    :param min_improvement: how much better it must be: a number, or a part of the champion's value, ``"2%"``.
        0: better at all.
    :param guards: what is asked of other metrics: ``{"recall": {"at_least": 0.8}, "latency_ms":
        {"goal": "minimize", "max_regression": "10%"}}``; there are ``at_least``, ``at_most``, and
        ``max_regression`` with a ``goal``.
    :param accept_first: accept the candidate if there is no champion yet.
    :param follow_task_ids_if_true: the task or tasks downstream that follow if it is accepted; the others are
        skipped.
    :param follow_task_ids_if_false: those that follow if it is not. Of the two, the one that is not given
        means that nothing follows.
    :param short_circuit: skip all that is downstream if it is not accepted. Not with ``follow_task_ids_...``.

    XCom: ``{"accepted", "reason", "candidate", "champion", "metrics"}``: candidate and champion are
    ``{"model", "job", "id"}``, metrics a list of ``{"name", "candidate", "champion", "difference",
    "passed"}``.
    """

    inherits_from_skipmixin = True

    template_fields = (
        *AzureMLOperator.template_fields,
        *("candidate", "champion", "metric", "goal", "min_improvement", "guards", "accept_first"),
        *("follow_task_ids_if_true", "follow_task_ids_if_false", "short_circuit"),
    )
    text_fields = (*AzureMLOperator.text_fields, "metric", "goal")
    template_fields_renderers = {"guards": "json"}  # noqa: RUF012

    def __init__(
        self,
        *,
        candidate: str | Mapping[str, Any],
        champion: str | Mapping[str, Any],
        metric: str,
        goal: str = "maximize",
        min_improvement: float | str = 0.0,
        guards: Mapping[str, Mapping[str, Any]] | None = None,
        accept_first: bool | str = True,
        follow_task_ids_if_true: str | Sequence[str] | None = None,
        follow_task_ids_if_false: str | Sequence[str] | None = None,
        short_circuit: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.candidate = candidate
        self.champion = champion
        self.metric = metric
        self.goal = goal
        self.min_improvement = min_improvement
        self.guards = guards
        self.accept_first = accept_first
        self.follow_task_ids_if_true = follow_task_ids_if_true
        self.follow_task_ids_if_false = follow_task_ids_if_false
        self.short_circuit = short_circuit

    def execute(self, context: Context) -> dict[str, Any]:
        """Compare, and follow the branch."""
        with fail_without_retries():
            from airflow_provider_amlrest.lifecycle.champion import read_candidate, read_champion
            from airflow_provider_amlrest.lifecycle.gate import COMPARISON_KEY, decide, read_rules, table
            from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
            from airflow_provider_amlrest.rest.reading.values import boolean

            rules = read_rules(self.metric, self.goal, self.min_improvement, self.guards)
            accept_first = boolean("accept_first", self.accept_first)
            short_circuit = boolean("short_circuit", self.short_circuit)
            if short_circuit and self._branches != (None, None):
                raise InvalidSpecError(
                    "short_circuit", "it skips all that is downstream; leave out follow_task_ids_if_..."
                )
            with self.hook.client() as client:
                names = [rule.metric for rule in rules]
                candidate = read_candidate(client, self.candidate, names)
                champion = read_champion(client, self.champion, candidate)
            result = decide(candidate, champion, rules, accept_first=accept_first)
        verdict = "accepted" if result["accepted"] else "not accepted"
        self.log.info("The candidate is %s: %s\n%s", verdict, result["reason"], table(result))
        if self.do_xcom_push:
            push(context["ti"], COMPARISON_KEY, result)
        self._follow(context, result, short_circuit=short_circuit)
        return result

    def _follow(self, context: Context, result: dict[str, Any], *, short_circuit: bool) -> None:
        if self._branches == (None, None) and (result["accepted"] or not short_circuit):
            return
        if self.do_xcom_push:
            # Airflow 3 ends a task that skips others by an exception, and keeps no result of it.
            members = result if self.multiple_outputs else {}
            for key, value in {**members, "return_value": result}.items():
                context["ti"].xcom_push(key=key, value=value)
        if_true, if_false = self._branches
        self.do_branch(context, if_true if result["accepted"] else if_false)

    @property
    def _branches(self) -> tuple[str | Sequence[str] | None, str | Sequence[str] | None]:
        return self.follow_task_ids_if_true, self.follow_task_ids_if_false
