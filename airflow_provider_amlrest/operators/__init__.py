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

__all__ = [
    "AzureMLCreateEnvironmentOperator",
    "AzureMLRegisterDataOperator",
    "AzureMLSubmitCommandJobOperator",
    "AzureMLSubmitSweepJobOperator",
    "AzureMLUploadCodeOperator",
]
