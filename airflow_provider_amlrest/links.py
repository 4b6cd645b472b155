"""Links from a task to pages of Azure ML Studio. The operators push their URLs as soon as there is a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey


class PushedLink(BaseOperatorLink):
    """A link whose URL is in an XCom of the task. Airflow keeps those of the newest try only."""

    key: str

    @property
    def xcom_key(self) -> str:
        """Airflow 3 reads the URL from this XCom, without this code."""
        return self.key

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The URL, or an empty text while there is none: then Airflow shows no link."""
        return XCom.get_value(key=self.key, ti_key=ti_key) or ""


class AzureMLStudioLink(PushedLink):
    """The job's page."""

    name = "Azure ML Studio"
    key = "azureml_studio_link"


class AzureMLEnvironmentLink(PushedLink):
    """The page of the environment's version: the one that was registered, or that the job runs in."""

    name = "Azure ML environment"
    key = "azureml_environment_link"


class AzureMLDataLink(PushedLink):
    """The page of the data asset's version."""

    name = "Azure ML data asset"
    key = "azureml_data_link"


class AzureMLModelsLink(PushedLink):
    """The workspace's models, for a job that registers one: which version it gets, the service says later."""

    name = "Azure ML models"
    key = "azureml_models_link"
