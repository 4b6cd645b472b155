"""The operators. Importing them loads nothing of azure, requests or aiohttp."""

from airflow_provider_amlrest.operators.assets import (
    AzureMLCreateEnvironmentOperator,
    AzureMLRegisterDataOperator,
    AzureMLUploadCodeOperator,
)
from airflow_provider_amlrest.operators.commands import AzureMLSubmitCommandJobOperator
from airflow_provider_amlrest.operators.orphans import AzureMLFindOrphansOperator
from airflow_provider_amlrest.operators.sweeps import AzureMLSubmitSweepJobOperator

__all__ = [
    "AzureMLCreateEnvironmentOperator",
    "AzureMLFindOrphansOperator",
    "AzureMLRegisterDataOperator",
    "AzureMLSubmitCommandJobOperator",
    "AzureMLSubmitSweepJobOperator",
    "AzureMLUploadCodeOperator",
]
