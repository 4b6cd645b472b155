"""Links from a task to pages of Azure ML Studio. The operators push their URLs as soon as a page exists."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey


class PushedLink(BaseOperatorLink):
    """A link whose URL is in an XCom of the task. Airflow keeps only the links of the newest try."""

    key: str

    @property
    def xcom_key(self) -> str:
        """Airflow 3 reads the URL from this XCom, without this code."""
        return self.key

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The URL, or an empty text if there is none: Airflow then shows no link.

        Airflow 3 calls this for each link in the task's process, at its end. Links that were not pushed
        are not looked up there, because Airflow 3.3 logs an error for each XCom that is not found.
        """
        pushed: Mapping[str, str] | None = getattr(operator, "pushed_links", None)
        if pushed is not None:
            return pushed.get(self.key, "")
        return XCom.get_value(key=self.key, ti_key=ti_key) or ""


class LinkingTask:
    """Mixin for tasks whose links are :class:`PushedLink`."""

    pushed_links: Mapping[str, str] = MappingProxyType({})
    """Key -> URL of the links that this process has pushed. Airflow's copies of the operator have none."""

    operator_extra_links: Collection[BaseOperatorLink]

    def push_links(self, ti: Any, links: Mapping[str, str]) -> None:
        """Give the task links: key -> URL."""
        self.pushed_links = {**self.pushed_links, **links}
        for key, url in links.items():
            push(ti, key, url)

    def keep_links(self) -> None:
        """Keep the links of a task that has resumed: Airflow 3 would overwrite them with empty ones."""
        self.operator_extra_links = ()


def push(ti: Any, key: str, value: Any) -> None:
    """Push an XCom that Airflow's UI reads into Airflow's database, whatever the XCom backend is.

    Airflow 3 does the same with links when a task ends. Airflow 2.11 reads them through the backend.
    """
    try:
        from airflow.sdk.bases.xcom import BaseXCom
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    except ImportError:
        ti.xcom_push(key=key, value=value)
        return
    if not isinstance(ti, RuntimeTaskInstance):
        ti.xcom_push(key=key, value=value)
        return
    BaseXCom.set(
        key,
        value,
        dag_id=ti.dag_id,
        task_id=ti.task_id,
        run_id=ti.run_id,
        map_index=-1 if ti.map_index is None else ti.map_index,
    )


class AzureMLStudioLink(PushedLink):
    """The page of the job, or of the online endpoint."""

    name = "Azure ML Studio"
    key = "azureml_studio_link"


class AzureMLEnvironmentLink(PushedLink):
    """The page of the environment's version: the registered one, or the one in which the job runs."""

    name = "Azure ML environment"
    key = "azureml_environment_link"


class AzureMLDataLink(PushedLink):
    """The page of the data asset's version."""

    name = "Azure ML data asset"
    key = "azureml_data_link"


class AzureMLModelLink(PushedLink):
    """The page of the model's version."""

    name = "Azure ML model"
    key = "azureml_model_link"


class AzureMLModelsLink(PushedLink):
    """The workspace's models, for a job that registers one. The service reports its version only later."""

    name = "Azure ML models"
    key = "azureml_models_link"
