"""Look every hour for jobs that still run although nobody waits for them any more, and cancel them.

Airflow cancels the job of a task that it ends. It cannot when the machine dies at that moment, or Azure ML
cannot be reached: such a job runs on and costs. This DAG finds it by its tags. It starts by reporting only:
look at what it finds, then set CANCEL to True.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import dag

from airflow_provider_amlrest.operators import AzureMLFindOrphansOperator

CANCEL = False


@dag(
    schedule="@hourly",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,  # each run looks at what there is now
    max_active_runs=1,
    tags=["azureml", "example"],
    doc_md=__doc__,
)
def azureml_cleanup() -> None:
    AzureMLFindOrphansOperator(
        task_id="find_orphans",
        cancel=CANCEL,
        min_age=3600,  # of the job, in seconds
    )


azureml_cleanup()
