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
"""How Airflow names the module that it makes of a DAG's file (2.11 to 3.3)."""


class AzureMLOperator(AzureMLTemplates, LinkingTask, BaseOperator):
    """Base of the operators: a connection, and errors that a person can act on.

    :param azureml_conn_id: the connection.
    :param api_version: instead of the connection's.
    :param multiple_outputs: push each member of the result as an XCom of its own too, so that
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
        """Give the task a link to a page of Azure ML Studio; its URL."""
        url = self.hook.studio_page(path)
        if self.do_xcom_push:
            self.push_links(context["ti"], {link.key: url})
        return url

    @cached_property
    def hook(self) -> AzureMLHook:
        """The hook, made when a task needs it."""
        from airflow_provider_amlrest.hook import AzureMLHook

        return AzureMLHook(self.azureml_conn_id, text("api_version", self.api_version))


@contextmanager
def fail_without_retries() -> Iterator[None]:
    """Fail without retries where asking again cannot help. What quotes what was given is masked."""
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
    """The folder of the DAG's file: relative paths in a DAG are relative to it.

    To a scheduler that is the file in which it finds the DAG. To ``dag.test()`` it is the file that called
    ``DAG(...)``, a factory's for example: there we look for the file as the scheduler does.
    """
    from airflow.providers.common.compat.sdk import DAG

    dag = context["dag"]
    file = Path(dag.fileloc)
    modules = [module for module in list(sys.modules.values()) if getattr(module, "__file__", None)]
    if [module.__file__ for module in modules if module.__name__.startswith(_PARSED)] == [str(file)]:
        return file.parent  # A worker has parsed this file alone.
    holders = {
        Path(str(module.__file__)).resolve()
        for module in modules
        # By its id: Airflow 3 may run a copy.
        if any(isinstance(v, DAG) and v.dag_id == dag.dag_id for v in list(vars(module).values()))
    }
    if file.resolve() not in holders:
        # A test may have imported the DAG from its file: then it holds it, too.
        folder = Path(conf.get("core", "dags_folder")).resolve()
        among = {holder for holder in holders if folder in holder.parents} or holders
        if len(among) == 1:
            [file] = among
    return file.parent
