"""AutoML jobs, as ARM takes and answers them; the properties are those of a recorded job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.answers import not_emulated
from airflow_provider_amlrest.emulator.arm.jobs.automl_shapes import METRICS, TASK
from airflow_provider_amlrest.emulator.arm.jobs.kind import Kind, Properties
from airflow_provider_amlrest.emulator.arm.jobs.shapes import BASE, resources
from airflow_provider_amlrest.emulator.arm.shapes import Place, Record, required, string_map, text
from airflow_provider_amlrest.emulator.arm.versions import Since

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.store import JobRecord

ENVIRONMENT = "AzureML-AutoML"
"""The curated environment that its runs have, unless the job names another one."""


class AutoMLJob(Record):
    """The first version with such jobs words their tasks in a way of its own."""

    since = Since("2022-10-01", "2022-02-01")

    def __call__(self, value: Any, place: Place, discriminator: str = "") -> dict[str, Any]:
        if place.version == "2022-02-01-preview":
            raise not_emulated("AutoML jobs as api-version 2022-02-01-preview words them")
        return super().__call__(value, place, discriminator)


SHAPE = AutoMLJob(
    "AutoMLJob",
    **{name: member for name, member in BASE.items() if name != "inputs"},
    environmentId=text,
    environmentVariables=string_map,
    resources=resources("2g"),
    taskDetails=required(TASK),
)


def _references(properties: Properties) -> tuple[str | None, ...]:
    return (properties["environmentId"],)


def _service_properties(properties: Properties) -> dict[str, str]:
    details = properties["taskDetails"]
    folds = (details["nCrossValidations"] or {}).get("value")
    return {
        "num_iterations": str(details["limitSettings"]["maxTrials"]),
        "training_type": "TrainFull" if folds is None else "MeanCrossValidation",
        "acquisition_function": "EI",
        "primary_metric": METRICS[details["primaryMetric"]],
        "train_split": "0",
        "acquisition_parameter": "0",
        "num_cross_validation": "" if folds is None else str(folds),
        "target": (properties["computeId"] or "Serverless").rpartition("/")[2],
        "EnableSubsampling": "False",
        "runTemplate": "AutoML",
        "azureml.runsource": "automl",
        "ClientType": "Mfe",
        "_aml_system_scenario_identification": "Remote.Parent",
        "environment_cpu_name": ENVIRONMENT,
        "environment_cpu_label": "prod",
        "root_attribution": "automl",
        "attribution": "AutoML",
        "Orchestrator": "AutoML",
    }


def _answer(job: JobRecord, answer: Properties) -> Properties:
    """Recorded: there is no output ``default``."""
    return {**answer, "outputs": job.properties["outputs"]}


KIND = Kind(
    "AutoML",
    run_type="automl",
    shape=SHAPE,
    initial_status="NotStarted",
    references=_references,
    service_properties=_service_properties,
    answer=_answer,
    has_tracking=True,
    since=Since("2022-10-01", "2022-06-01"),
)
