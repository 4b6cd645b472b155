"""What all operators and the sensor share."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator, conf, redact

from airflow_provider_amlrest.connection import DEFAULT_CONNECTION
from airflow_provider_amlrest.lifecycle import patience
from airflow_provider_amlrest.links import LinkingTask
from airflow_provider_amlrest.operators.rendering import AzureMLTemplates
from airflow_provider_amlrest.rest.reading.fields import text

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.hook import AzureMLHook
    from airflow_provider_amlrest.links import PushedLink

UI_COLOR = "#cfe8fb"

_PARSED = "unusual_prefix_"
"""Prefix of the module that Airflow creates from a DAG file (2.11 to 3.3)."""


class AzureMLOperator(AzureMLTemplates, LinkingTask, BaseOperator):
    """Base class of the operators: a connection, and errors that users can act on.

    :param azureml_conn_id: the connection.
    :param api_version: overrides the api-version of the connection.
    :param multiple_outputs: also push each member of the result as a separate XCom, so that
        ``task.output["id"]`` works downstream.
    """

    template_fields: tuple[str, ...] = ("azureml_conn_id", "api_version")
    text_fields: ClassVar[tuple[str, ...]] = ("azureml_conn_id", "api_version")
    ui_color = UI_COLOR

    def __init__(
        self,
        *,
        azureml_conn_id: str = DEFAULT_CONNECTION,
        api_version: str | None = None,
        multiple_outputs: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(multiple_outputs=multiple_outputs, **kwargs)
        self.azureml_conn_id = azureml_conn_id
        self.api_version = api_version

    def publish(self, link: type[PushedLink], path: str, context: Context) -> str:
        """Give the task a link to a page of Azure ML Studio, and return its URL."""
        url = self.hook.studio_page(path)
        if self.do_xcom_push:
            self.push_links(context["ti"], {link.key: url})
        return url

    @cached_property
    def hook(self) -> AzureMLHook:
        """The hook, created when a task needs it."""
        from airflow_provider_amlrest.hook import AzureMLHook

        return AzureMLHook(self.azureml_conn_id, text("api_version", self.api_version))


@contextmanager
def fail_without_retries() -> Iterator[None]:
    """Fail without retries if another attempt cannot help. Secrets in the error are masked."""
    try:
        yield
    except Exception as error:
        if patience.is_hopeless(error):
            raise AirflowFailException(str(redact(str(error)))) from None
        raise


def started_at(context: Context) -> float:
    """When this try began, in seconds since the epoch."""
    start = getattr(context["ti"], "start_date", None)
    return time.time() if start is None else float(start.timestamp())


def dag_folder(context: Context) -> Path:
    """The folder of the DAG file: relative paths in a DAG are relative to it.

    For a scheduler, that is the file in which it finds the DAG. For ``dag.test()``, it is the file that
    called ``DAG(...)``, for example a factory's: there, this searches for the file that the scheduler uses.
    """
    from airflow.providers.common.compat.sdk import DAG

    dag = context["dag"]
    file = Path(dag.fileloc)
    modules = [module for module in list(sys.modules.values()) if getattr(module, "__file__", None)]
    if [module.__file__ for module in modules if module.__name__.startswith(_PARSED)] == [str(file)]:
        return file.parent  # A worker has parsed only this file.
    holders = {
        Path(str(module.__file__)).resolve()
        for module in modules
        # By its id: Airflow 3 may run a copy.
        if any(isinstance(v, DAG) and v.dag_id == dag.dag_id for v in list(vars(module).values()))
    }
    if file.resolve() not in holders:
        # A test may have imported the DAG from its file: then the test's module also has it.
        folder = Path(conf.get("core", "dags_folder")).resolve()
        among = {holder for holder in holders if folder in holder.parents} or holders
        if len(among) == 1:
            [file] = among
    return file.parent
