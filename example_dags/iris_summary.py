"""Summarize the iris data in Azure ML: functions of this file run as jobs, one for each column.

There is no script and no command: the functions travel, with their arguments, and what they return is handed
on as by every ``@task``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from airflow.providers.common.compat.sdk import dag, task

from airflow_provider_amlrest.operators import (
    AzureMLCreateEnvironmentOperator,
    AzureMLRegisterDataOperator,
)

COLUMNS = ["petal_length", "petal_width", "sepal_length"]


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["azureml", "example"],
    doc_md=__doc__,
)
def iris_summary() -> None:
    environment = AzureMLCreateEnvironmentOperator(
        task_id="create_environment",
        name="plain-python",
        image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04",
        conda_file={"dependencies": ["python=3.11", "pip"]},
    )
    data = AzureMLRegisterDataOperator(
        task_id="register_data", name="iris", path="lightgbm_iris/iris.csv", type="uri_file"
    )

    @task.azureml(
        compute="cpu-cluster",
        environment=environment.output,
        inputs={"iris": data.output},  # the parameter of that name has the path
        experiment_name="iris-summary",
        poll_interval=10,
    )
    def summarize(iris: str, column: str) -> dict[str, Any]:
        # What it uses, it imports: nothing else of this file is in the job.
        import csv
        from pathlib import Path
        from statistics import mean, stdev

        values: dict[str, list[float]] = {}
        for row in csv.DictReader(Path(iris).read_text().splitlines()):
            values.setdefault(row["species"], []).append(float(row[column]))
        print(f"{column}: {sum(map(len, values.values()))} values of {len(values)} species")
        means = {species: round(mean(numbers), 3) for species, numbers in values.items()}
        spread = mean(stdev(numbers) for numbers in values.values())
        return {"column": column, "means": means, "spread": round(spread, 3)}

    @task
    def report(summaries: list[dict[str, Any]]) -> str:
        """Name the column by which the species differ most."""

        def separation(summary: dict[str, Any]) -> float:
            means = sorted(summary["means"].values())
            return min(b - a for a, b in pairwise(means)) / summary["spread"]

        for summary in summaries:
            print(f"{summary['column']}: {summary['means']}, {separation(summary):.2f} deviations apart")
        return str(max(summaries, key=separation)["column"])

    report(summarize.expand(column=COLUMNS))


iris_summary()
