"""The operators. Importing them loads nothing of azure, requests or aiohttp."""

from airflow_provider_amlrest.operators.assets import (
    AzureMLCreateEnvironmentOperator,
    AzureMLRegisterDataOperator,
    AzureMLUploadCodeOperator,
)
from airflow_provider_amlrest.operators.jobs import (
    AzureMLSubmitCommandJobOperator,
    AzureMLSubmitSweepJobOperator,
)
from airflow_provider_amlrest.operators.orphans import AzureMLFindOrphansOperator

__all__ = [
    "AzureMLCreateEnvironmentOperator",
    "AzureMLFindOrphansOperator",
    "AzureMLRegisterDataOperator",
    "AzureMLSubmitCommandJobOperator",
    "AzureMLSubmitSweepJobOperator",
    "AzureMLUploadCodeOperator",
]
