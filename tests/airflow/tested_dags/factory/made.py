"""A factory of DAGs, in a folder without the files that they name."""

from __future__ import annotations

from datetime import datetime

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_amlrest.operators import AzureMLSubmitCommandJobOperator


def make_dag(dag_id: str) -> DAG:
    """A DAG whose path is relative to the file that calls this."""
    with DAG(dag_id, schedule=None, start_date=datetime(2026, 1, 1)) as dag:  # noqa: DTZ001
        AzureMLSubmitCommandJobOperator(
            task_id="train",
            command="python train.py",
            code="src",
            environment="AzureML-sklearn-1.5:1",
            compute="cpu-cluster",
        )
    return dag
