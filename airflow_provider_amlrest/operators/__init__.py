"""The operators. Importing one loads nothing of azure, requests or aiohttp, and none of the others."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_amlrest.operators.assets import (
        AzureMLCreateEnvironmentOperator,
        AzureMLRegisterDataOperator,
        AzureMLUploadCodeOperator,
    )
    from airflow_provider_amlrest.operators.commands import AzureMLSubmitCommandJobOperator
    from airflow_provider_amlrest.operators.components import AzureMLCreateComponentOperator
    from airflow_provider_amlrest.operators.job_files import AzureMLSubmitJobOperator
    from airflow_provider_amlrest.operators.orphans import AzureMLFindOrphansOperator
    from airflow_provider_amlrest.operators.pipelines import AzureMLSubmitPipelineJobOperator
    from airflow_provider_amlrest.operators.sweeps import AzureMLSubmitSweepJobOperator

__all__ = [
    "AzureMLCreateComponentOperator",
    "AzureMLCreateEnvironmentOperator",
    "AzureMLFindOrphansOperator",
    "AzureMLRegisterDataOperator",
    "AzureMLSubmitCommandJobOperator",
    "AzureMLSubmitJobOperator",
    "AzureMLSubmitPipelineJobOperator",
    "AzureMLSubmitSweepJobOperator",
    "AzureMLUploadCodeOperator",
]

MODULES = {
    "AzureMLCreateComponentOperator": "components",
    "AzureMLCreateEnvironmentOperator": "assets",
    "AzureMLFindOrphansOperator": "orphans",
    "AzureMLRegisterDataOperator": "assets",
    "AzureMLSubmitCommandJobOperator": "commands",
    "AzureMLSubmitJobOperator": "job_files",
    "AzureMLSubmitPipelineJobOperator": "pipelines",
    "AzureMLSubmitSweepJobOperator": "sweeps",
    "AzureMLUploadCodeOperator": "assets",
}
"""Operator -> its module."""


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
