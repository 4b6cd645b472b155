"""What stands in for environments of the service's own that have no conda file in the workspace."""

from __future__ import annotations

import re

from airflow_provider_amlrest.emulator.arm.jobs.automl import ENVIRONMENT
from airflow_provider_amlrest.emulator.runtime.conda import EnvironmentSpec

SPARK = "AzureML-Spark"
"""A name of the emulator's for what a Spark job runs in that names no environment: Spark of a version."""
LATEST = "latest"
_CURATED = re.compile(r"(?:azureml:|azureml://registries/azureml/environments/)([^:@/]+)(?:[:@]|/\w+/)(.+)")


def spark_environment(version: str | None) -> str:
    return f"azureml:{SPARK}:{version}" if version else f"azureml:{SPARK}@{LATEST}"


def automl_environment() -> str:
    return f"azureml:{ENVIRONMENT}@latest"


def stand_in(reference: str) -> EnvironmentSpec | None:
    """The packages that stand in for an environment; None if it is another one."""
    match = _CURATED.fullmatch(reference)
    if match is None:
        return None
    name, version = match.groups()
    if name == ENVIRONMENT:
        return EnvironmentSpec(("lightgbm", "pyyaml", "scikit-learn"))
    if name == SPARK:
        # Before 3.5, PySpark asks for distutils, which Python 3.12 has in setuptools only.
        pinned = "" if version == LATEST else f"=={version}.*"
        return EnvironmentSpec((f"pyspark[pandas_on_spark]{pinned}", "setuptools<81"))
    return None
