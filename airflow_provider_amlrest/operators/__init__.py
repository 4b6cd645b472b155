"""The operators. Importing them loads nothing of azure, requests or aiohttp."""

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
