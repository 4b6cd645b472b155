"""Gates that branch, and that skip what follows. ``gated:2`` is better than ``gated:1``."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import dag, task

from airflow_provider_amlrest.operators import AzureMLCompareModelsOperator

log = logging.getLogger(__name__)


@dag(schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC))
def gated() -> None:
    @task
    def promote(reason: str) -> None:
        log.info("promoted as %s", reason)

    @task
    def keep(result: dict[str, Any]) -> None:
        log.info("kept, accepted is %s", result["accepted"])

    @task
    def reached() -> None: ...

    for name, candidate, champion in (("better", "gated:2", "gated:1"), ("worse", "gated:1", "gated:2")):
        given = {"candidate": candidate, "champion": champion, "metric": "auc"}
        branch = AzureMLCompareModelsOperator(
            task_id=f"{name}_branch",
            **given,
            follow_task_ids_if_true=f"{name}_promote",
            follow_task_ids_if_false=[f"{name}_keep"],
        )
        promoted = promote.override(task_id=f"{name}_promote")(branch.output["reason"])
        kept = keep.override(task_id=f"{name}_keep")(branch.output)
        branch >> [promoted, kept]
        stop = AzureMLCompareModelsOperator(task_id=f"{name}_stop", **given, short_circuit=True)
        stop >> reached.override(task_id=f"{name}_after")()


gated()
