"""Run a pipeline that a data scientist has written for the CLI: its YAML file, as it is.

``az ml job create --file iris_pipeline/pipeline.yml`` runs the same. Here a trigger with configuration can
choose another share of test rows, and the next task knows what the steps did. ``make demo`` runs it, too.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import dag, task

from airflow_provider_amlrest.operators import AzureMLSubmitJobOperator


# No schedule: it runs when somebody triggers it.
@dag(
    schedule=None,
    catchup=False,
    params={"test_share": 0.2},
    tags=["azureml", "example"],
    doc_md=__doc__,
)
def iris_pipeline_job() -> None:
    classify = AzureMLSubmitJobOperator(
        task_id="classify",
        job="iris_pipeline/pipeline.yml",
        overrides={"inputs.test_share": "{{ params.test_share }}"},
        poll_interval=10,
    )

    @task
    def report(result: dict[str, Any]) -> str:
        """Name the step that took longest."""
        for step in result["steps"]:
            print(f"{step['name']}: {step['status']} after {step['seconds']} s")
        return str(max(result["steps"], key=lambda step: step["seconds"] or 0)["name"])

    report(classify.output)


iris_pipeline_job()
