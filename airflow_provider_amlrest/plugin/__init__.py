"""Pages about Azure ML jobs inside the Airflow UI. Every Airflow process imports this module.

Airflow before 3.1 has no place for such pages; use the links of the tasks there.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from airflow import __version__ as airflow_version
from airflow.plugins_manager import AirflowPlugin

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

URL_PREFIX = "/azureml"

_TASK = "dag_id={DAG_ID}&run_id={RUN_ID}&task_id={TASK_ID}&map_index={MAP_INDEX}"
_ICON = "azureml/icon.svg"
_ICON_DARK = "azureml/icon-dark.svg"

# Without a leading slash, a URL is relative to the path under which Airflow is served.
VIEWS = [
    {
        "name": "Azure ML",
        "href": "azureml/recent",
        "destination": "nav",
        "category": "browse",
        "url_route": "azureml",
        "icon": _ICON,
        "icon_dark_mode": _ICON_DARK,
    },
    {
        "name": "Azure ML jobs",
        "href": "azureml/run?dag_id={DAG_ID}&run_id={RUN_ID}",
        "destination": "dag_run",
        "url_route": "azureml-jobs",
        "icon": _ICON,
        "icon_dark_mode": _ICON_DARK,
    },
    {
        "name": "Azure ML job",
        "href": f"azureml/task?{_TASK}",
        "destination": "task_instance",
        "url_route": "azureml-job",
        "icon": _ICON,
        "icon_dark_mode": _ICON_DARK,
    },
]


class LazyApp:
    """The server of the pages, created at its first request: only Airflow's API server needs it."""

    def __init__(self) -> None:
        self._app: App | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            from airflow_provider_amlrest.plugin.app import create_app

            self._app = create_app()
        await self._app(scope, receive, send)


def _has_pages() -> bool:
    version = re.match(r"(\d+)\.(\d+)", airflow_version)
    return version is not None and (int(version[1]), int(version[2])) >= (3, 1)


class AzureMLPlugin(AirflowPlugin):
    """The plugin for Airflow's plugin manager."""

    name = "azureml"
    fastapi_apps = [{"app": LazyApp(), "url_prefix": URL_PREFIX, "name": "Azure ML"}] if _has_pages() else []
    external_views = VIEWS if _has_pages() else []
