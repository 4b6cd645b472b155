"""Environments of the service's own, and the packages that stand in for them."""

from __future__ import annotations

import pytest

from airflow_provider_amlrest.emulator.runtime.stand_ins import (
    automl_environment,
    spark_environment,
    stand_in,
)


@pytest.mark.parametrize(
    ("version", "requirement"),
    [("3.4", "pyspark[pandas_on_spark]==3.4.*"), (None, "pyspark[pandas_on_spark]")],
)
def test_spark_of_a_version(version: str | None, requirement: str) -> None:
    spec = stand_in(spark_environment(version))
    assert spec is not None
    assert spec.requirements[0] == requirement


@pytest.mark.parametrize(
    "reference",
    [
        automl_environment(),
        "azureml:AzureML-AutoML:12",
        "azureml://registries/azureml/environments/AzureML-AutoML/labels/prod",
        "azureml://registries/azureml/environments/AzureML-AutoML/versions/12",
    ],
)
def test_automl(reference: str) -> None:
    spec = stand_in(reference)
    assert spec is not None
    assert "scikit-learn" in spec.requirements


@pytest.mark.parametrize(
    "reference",
    [
        "azureml:AzureML-AutoML-GPU:1",
        "azureml:env:1",
        "azureml:AzureML-sklearn-1.5:1",
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/environments/e/versions/1",
    ],
)
def test_others_have_none(reference: str) -> None:
    assert stand_in(reference) is None
