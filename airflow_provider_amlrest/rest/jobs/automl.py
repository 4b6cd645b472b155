"""AutoML jobs: Azure ML looks for the best model itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.command import (
    RESOURCE_FEATURES,
    Resources,
    parse_resources,
    resources_body,
)
from airflow_provider_amlrest.rest.jobs.given import Given
from airflow_provider_amlrest.rest.jobs.input_wire import input_body
from airflow_provider_amlrest.rest.jobs.inputs import read_inputs
from airflow_provider_amlrest.rest.jobs.job import Input, LiteralInput
from airflow_provider_amlrest.rest.jobs.kind import Kind
from airflow_provider_amlrest.rest.jobs.lookup import Lookup
from airflow_provider_amlrest.rest.jobs.lookups import read_environment
from airflow_provider_amlrest.rest.jobs.spec import JobSpec, read_common, without
from airflow_provider_amlrest.rest.reading.fields import no_other_keys, string_map, text_list, word
from airflow_provider_amlrest.rest.reading.values import mapping, number
from airflow_provider_amlrest.rest.versions.spelling import Spelling, Wire
from airflow_provider_amlrest.rest.versions.words import without_nones

TASKS = {
    "classification": "Classification",
    "regression": "Regression",
    "forecasting": "Forecasting",
    "image_classification": "ImageClassification",
    "image_classification_multilabel": "ImageClassificationMultilabel",
    "image_object_detection": "ImageObjectDetection",
    "image_instance_segmentation": "ImageInstanceSegmentation",
    "text_classification": "TextClassification",
    "text_classification_multilabel": "TextClassificationMultilabel",
    "text_ner": "TextNER",
}
_DATA = ("training_data", "validation_data", "test_data")
_LIMITS = {
    "timeout_minutes": "timeout",
    "trial_timeout_minutes": "trialTimeout",
    "max_trials": "maxTrials",
    "max_concurrent_trials": "maxConcurrentTrials",
    "max_cores_per_trial": "maxCoresPerTrial",
    "enable_early_termination": "enableEarlyTermination",
    "exit_score": "exitScore",
    "max_nodes": "maxNodes",
}
_SETTINGS = {"featurization": "featurizationSettings", "training": "trainingSettings"}
_AUTO_OR_OWN = ("forecast_horizon", "seasonality", "target_lags", "target_rolling_window_size")
"""Members of forecasting that are ``auto``, or one's own number."""
_NAMES_OF_ALGORITHMS = ("allowed_training_algorithms", "blocked_training_algorithms", "blocked_transformers")
_AS_THEY_ARE = (
    *("validation_data_size", "test_data_size", "cv_split_column_names", "weight_column_name"),
    "positive_label",
)
_KEYS = (
    *("task", "primary_metric", "target_column_name", "log_verbosity", "limits", *_DATA, *_SETTINGS),
    *("forecasting", "n_cross_validations", "search_space", "training_parameters", "sweep", *_AS_THEY_ARE),
    *("environment_id", "environment_variables"),
)
_PASCAL = {
    "auc_weighted": "AUCWeighted",
    "iou": "IOU",
    "light_gbm": "LightGBM",
    "xg_boost_classifier": "XGBoostClassifier",
    "xg_boost_regressor": "XGBoostRegressor",
    "xgboost_classifier": "XGBoostClassifier",
    "xgboost_regressor": "XGBoostRegressor",
    "sgd": "SGD",
    "svm": "SVM",
    "linear_svm": "LinearSVM",
    "knn": "KNN",
}
"""Words that the wire does not spell as the rule would."""


@dataclass(frozen=True, kw_only=True)
class AutoMLJob(JobSpec):
    """``details``: of the task, in the words of the wire. ``data``: training_data, validation_data..."""

    job_type = "AutoML"

    task: str
    data: Mapping[str, Input | Lookup]
    details: Mapping[str, Any] = field(default_factory=dict)
    environment: str | Lookup | None = None
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    resources: Resources = field(default_factory=lambda: Resources(None))


def searched_spaces(field: str, value: Any, spelled: Callable[[str], str] = str) -> list[dict[str, Any]]:
    """Search spaces, one for each model. Raises InvalidSpecError for what is no list of mappings."""
    if not isinstance(value, list | tuple):
        raise InvalidSpecError(field, f"{value!r} must be a list of mappings, one for each model.")
    return [
        {
            spelled(str(key)): searched(f"{where}.{key}", member)
            for key, member in mapping(where, space).items()
        }
        for where, space in ((f"{field}[{index}]", space) for index, space in enumerate(value))
    ]


def searched(field: str, value: Any) -> Any:
    """A part of a search space as AutoML has it: ``uniform(0.1,1)``, ``choice('a','b')``."""
    if not isinstance(value, Mapping):
        return value
    given = dict(value)
    kind = given.pop("type", "choice")
    arguments = given.pop("values", None) or list(given.values())
    if not isinstance(arguments, list | tuple):
        raise InvalidSpecError(field, f"{arguments!r} must be a list of values.")
    return f"{kind}({','.join(repr(one) if isinstance(one, str) else str(one) for one in arguments)})"


def _read(given: Given) -> AutoMLJob:
    task = word("task", given["task"], tuple(TASKS))
    if given["training_data"] is None:
        raise InvalidSpecError("training_data", "it is missing; give an mltable.")
    data = {name: _table(name, given[name], given) for name in _DATA if given[name] is not None}
    environment = given["environment_id"]
    return AutoMLJob(
        **read_common(given),
        task=task,
        data=data,
        details=_details(task, given),
        environment=environment and read_environment("environment_id", environment, given.base),
        environment_variables=string_map("environment_variables", given["environment_variables"]),
        resources=parse_resources(None, None, job_resources=given["job_resources"]),
    )


def _table(name: str, value: Any, given: Given) -> Input | Lookup:
    member = {"type": "mltable", **value} if isinstance(value, Mapping) else value
    read = read_inputs("", {name: member}, given.base, None)[name]
    if isinstance(read, LiteralInput):
        raise InvalidSpecError(
            name, f"{value!r} is not data: give a reference, a URI or a path of an mltable."
        )
    return read


def _details(task: str, given: Given) -> dict[str, Any]:
    details: dict[str, Any] = {"targetColumnName": given["target_column_name"]}
    details["logVerbosity"] = pascal(str(given["log_verbosity"] or "info"))
    if given["primary_metric"] is not None:
        details["primaryMetric"] = pascal(str(given["primary_metric"]))
    details["limitSettings"] = _limits(given["limits"])
    for name, on_the_wire in _SETTINGS.items():
        details[on_the_wire] = {
            camel(key): _setting(name, key, member) for key, member in mapping(name, given[name]).items()
        }
    forecasting = mapping("forecasting", given["forecasting"])
    details["forecastingSettings"] = {
        camel(key): _auto(member) if key in _AUTO_OR_OWN else member for key, member in forecasting.items()
    }
    folds = given["n_cross_validations"]
    details["nCrossValidations"] = None if folds is None else _auto(folds)
    for name in _AS_THEY_ARE:
        details[camel(name)] = given[name]
    parameters = mapping("training_parameters", given["training_parameters"])
    settings = {camel(key): member for key, member in parameters.items()}
    details["modelSettings" if task.startswith("image") else "fixedParameters"] = settings
    if given["search_space"] is not None:
        details["searchSpace"] = searched_spaces("search_space", given["search_space"], camel)
    details["sweepSettings"] = _sweep(given["sweep"])
    return without_nones(**details)


def _limits(value: Any) -> dict[str, Any]:
    limits = mapping("limits", value)
    no_other_keys("limits", limits, tuple(_LIMITS))
    return {
        _LIMITS[name]: iso_minutes(number(f"limits.{name}", member)) if name.endswith("minutes") else member
        for name, member in limits.items()
        if member is not None
    }


def iso_minutes(minutes: float) -> str:
    """Minutes as an ISO 8601 duration: ``PT3H``, ``PT1H30M``."""
    hours, rest = divmod(int(minutes), 60)
    return "PT" + (f"{hours}H" if hours else "") + (f"{rest}M" if rest or not hours else "")


def _setting(member: str, key: str, value: Any) -> Any:
    if key in _NAMES_OF_ALGORITHMS:
        names = text_list(f"{member}.{key}", value or ())
        return [pascal(name) if name.islower() else name for name in names]
    if key == "transformer_params":
        given = mapping(f"{member}.{key}", value)
        return {pascal(str(name)): params for name, params in given.items()}
    return value


def _auto(value: Any) -> dict[str, Any]:
    if str(value).lower() == "auto":
        return {"mode": "Auto"}
    return {"mode": "Custom", **({"values": value} if isinstance(value, list) else {"value": value})}


def _sweep(value: Any) -> dict[str, Any]:
    sweep = {camel(key): member for key, member in mapping("sweep", value).items()}
    if policy := mapping("sweep.early_termination", sweep.get("earlyTermination")):
        given = {camel(key): member for key, member in with_slack(policy).items() if key != "type"}
        sweep["earlyTermination"] = {"policyType": pascal(str(policy.get("type"))), **given}
    return sweep


def with_slack(policy: Mapping[str, Any]) -> dict[str, Any]:
    """A policy as azure-ai-ml sends it: a bandit has both kinds of slack."""
    slack = {"slack_factor": 0, "slack_amount": 0} if policy.get("type") == "bandit" else {}
    return {**slack, **policy}


def camel(name: object) -> str:
    """``target_column_name`` as the wire has it: ``targetColumnName``."""
    head, *rest = str(name).split("_")
    return head + "".join(part.capitalize() for part in rest)


def pascal(name: str) -> str:
    """``norm_macro_recall`` as the wire has it: ``NormMacroRecall``."""
    return _PASCAL.get(name) or "".join(part.capitalize() for part in name.split("_"))


def _body(spelling: Spelling, job: AutoMLJob) -> Wire:
    data = {camel(name): input_body(spelling, value) for name, value in job.data.items()}
    return {
        "taskDetails": {"taskType": TASKS[job.task], **job.details, **data},
        **without_nones(
            environmentId=job.environment,
            environmentVariables=dict(job.environment_variables),
            resources=resources_body(job.resources),
        ),
    }


KIND = Kind(
    "AutoML",
    read=_read,
    keys={**without("inputs"), **{name: name for name in _KEYS}, "resources": "job_resources"},
    body=_body,
    # 2022-02-01-preview has such jobs, too, and words their tasks in a way of its own.
    since="2022-10-01",
    features=RESOURCE_FEATURES,
    parts=("resources",),
)
