"""Look every hour for jobs that still run although no task waits for them any more, and cancel them.

Airflow cancels the job of a task that it ends. It cannot do so if the machine dies at that moment, or if
Azure ML cannot be reached: the job then continues to run and to cost money. This DAG finds such jobs by their
tags. At first it only reports them: look at what it finds, then set CANCEL to True.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import dag

from airflow_provider_amlrest.operators import AzureMLFindOrphansOperator

CANCEL = False


@dag(
    schedule="@hourly",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,  # each run checks the current jobs
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
