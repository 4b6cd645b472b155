"""The metadata that Airflow reads from a provider. Every Airflow process imports this: keep imports few."""

from __future__ import annotations

from typing import Any

from airflow_provider_amlrest import operators
from airflow_provider_amlrest.connection import (
    CONNECTION_TYPE,
    FIELDS,
    HIDDEN_FIELDS,
    HOOK_NAME,
    RELABELING,
    Field,
)
from airflow_provider_amlrest.operators import MODULES
from airflow_provider_amlrest.version import __version__


def get_provider_info() -> dict[str, Any]:
    """The provider's metadata, as ``provider_info.schema.json`` of Airflow defines it."""
    return {
        "package-name": "airflow-provider-amlrest",
        "name": "Azure Machine Learning (REST)",
        "description": "Train on Azure Machine Learning over its REST API.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": HOOK_NAME,
                "external-doc-url": "https://learn.microsoft.com/azure/machine-learning/",
                "tags": ["azure"],
            }
        ],
        "hooks": [
            {"integration-name": HOOK_NAME, "python-modules": ["airflow_provider_amlrest.hook"]},
        ],
        "operators": [
            {
                "integration-name": HOOK_NAME,
                "python-modules": [f"{operators.__name__}.{name}" for name in sorted({*MODULES.values()})],
            },
        ],
        "sensors": [
            {"integration-name": HOOK_NAME, "python-modules": ["airflow_provider_amlrest.sensors"]},
        ],
        "triggers": [
            {"integration-name": HOOK_NAME, "python-modules": ["airflow_provider_amlrest.triggers"]},
        ],
        "connection-types": [
            {
                "connection-type": CONNECTION_TYPE,
                "hook-class-name": "airflow_provider_amlrest.hook.AzureMLHook",
                "hook-name": HOOK_NAME,
                "conn-fields": {field.name: _form_field(field) for field in FIELDS},
                "ui-field-behaviour": {
                    "hidden-fields": list(HIDDEN_FIELDS),
                    "relabeling": dict(RELABELING),
                    "placeholders": {field.name: field.placeholder for field in FIELDS if field.placeholder},
                },
            }
        ],
        "task-decorators": [
            {"name": "azureml", "class-name": "airflow_provider_amlrest.decorators.azureml_task"},
        ],
        "extra-links": [
            "airflow_provider_amlrest.links.AzureMLStudioLink",
            "airflow_provider_amlrest.links.AzureMLEnvironmentLink",
            "airflow_provider_amlrest.links.AzureMLDataLink",
            "airflow_provider_amlrest.links.AzureMLModelLink",
            "airflow_provider_amlrest.links.AzureMLModelsLink",
        ],
    }


def _form_field(field: Field) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": ["string", "null"]}
    if field.choices:
        schema["enum"] = list(field.choices)
    if field.default:
        schema["default"] = field.default
    if field.secret:
        schema["format"] = "password"
    return {"label": field.label, "description": field.description, "schema": schema}
