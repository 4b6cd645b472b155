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
    from airflow_provider_amlrest.operators.batch import (
        AzureMLDeployBatchEndpointOperator,
        AzureMLInvokeBatchEndpointOperator,
    )
    from airflow_provider_amlrest.operators.commands import AzureMLSubmitCommandJobOperator
    from airflow_provider_amlrest.operators.components import AzureMLCreateComponentOperator
    from airflow_provider_amlrest.operators.compute import (
        AzureMLCreateComputeOperator,
        AzureMLDeleteComputeOperator,
        AzureMLStartComputeOperator,
        AzureMLStopComputeOperator,
    )
    from airflow_provider_amlrest.operators.gate import AzureMLCompareModelsOperator
    from airflow_provider_amlrest.operators.invoking import AzureMLInvokeOnlineEndpointOperator
    from airflow_provider_amlrest.operators.job_files import AzureMLSubmitJobOperator
    from airflow_provider_amlrest.operators.models import (
        AzureMLDownloadModelOperator,
        AzureMLRegisterModelOperator,
        AzureMLUpdateModelOperator,
    )
    from airflow_provider_amlrest.operators.online import (
        AzureMLDeleteDeploymentOperator,
        AzureMLDeleteEndpointOperator,
        AzureMLDeployOnlineEndpointOperator,
    )
    from airflow_provider_amlrest.operators.orphans import AzureMLFindOrphansOperator
    from airflow_provider_amlrest.operators.pipelines import AzureMLSubmitPipelineJobOperator
    from airflow_provider_amlrest.operators.promotion import AzureMLPromoteModelOperator
    from airflow_provider_amlrest.operators.rollouts import safe_rollout
    from airflow_provider_amlrest.operators.sweeps import AzureMLSubmitSweepJobOperator
    from airflow_provider_amlrest.operators.traffic import AzureMLShiftTrafficOperator

__all__ = [
    "AzureMLCompareModelsOperator",
    "AzureMLCreateComponentOperator",
    "AzureMLCreateComputeOperator",
    "AzureMLCreateEnvironmentOperator",
    "AzureMLDeleteComputeOperator",
    "AzureMLDeleteDeploymentOperator",
    "AzureMLDeleteEndpointOperator",
    "AzureMLDeployBatchEndpointOperator",
    "AzureMLDeployOnlineEndpointOperator",
    "AzureMLDownloadModelOperator",
    "AzureMLFindOrphansOperator",
    "AzureMLInvokeBatchEndpointOperator",
    "AzureMLInvokeOnlineEndpointOperator",
    "AzureMLPromoteModelOperator",
    "AzureMLRegisterDataOperator",
    "AzureMLRegisterModelOperator",
    "AzureMLShiftTrafficOperator",
    "AzureMLStartComputeOperator",
    "AzureMLStopComputeOperator",
    "AzureMLSubmitCommandJobOperator",
    "AzureMLSubmitJobOperator",
    "AzureMLSubmitPipelineJobOperator",
    "AzureMLSubmitSweepJobOperator",
    "AzureMLUpdateModelOperator",
    "AzureMLUploadCodeOperator",
    "safe_rollout",
]

MODULES = {
    "AzureMLCompareModelsOperator": "gate",
    "AzureMLCreateComponentOperator": "components",
    "AzureMLCreateComputeOperator": "compute",
    "AzureMLCreateEnvironmentOperator": "assets",
    "AzureMLDeleteComputeOperator": "compute",
    "AzureMLDeleteDeploymentOperator": "online",
    "AzureMLDeleteEndpointOperator": "online",
    "AzureMLDeployBatchEndpointOperator": "batch",
    "AzureMLDeployOnlineEndpointOperator": "online",
    "AzureMLDownloadModelOperator": "models",
    "AzureMLFindOrphansOperator": "orphans",
    "AzureMLInvokeBatchEndpointOperator": "batch",
    "AzureMLInvokeOnlineEndpointOperator": "invoking",
    "AzureMLPromoteModelOperator": "promotion",
    "AzureMLRegisterDataOperator": "assets",
    "AzureMLRegisterModelOperator": "models",
    "AzureMLShiftTrafficOperator": "traffic",
    "AzureMLStartComputeOperator": "compute",
    "AzureMLStopComputeOperator": "compute",
    "AzureMLSubmitCommandJobOperator": "commands",
    "AzureMLSubmitJobOperator": "job_files",
    "AzureMLSubmitPipelineJobOperator": "pipelines",
    "AzureMLSubmitSweepJobOperator": "sweeps",
    "AzureMLUpdateModelOperator": "models",
    "AzureMLUploadCodeOperator": "assets",
    "safe_rollout": "rollouts",
}
"""Operator -> its module."""


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
