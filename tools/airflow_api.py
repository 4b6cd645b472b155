"""The few calls to Airflow's REST API that the tools and tests make: v2 of Airflow 3, v1 of Airflow 2."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import quote

import requests

FINISHED_RUN = {"success", "failed"}
_HEALTHY = {"healthy", None}  # None: a component that is not started here


class TaskInstance(NamedTuple):
    """One try of one task of a DAG run, as the API last reported it."""

    task_id: str
    map_index: int
    state: str | None
    try_number: int
    started: str | None
    """ISO 8601."""
    seconds: float | None
    triggerer_id: int | None
    """While it is deferred: the job id of the triggerer that runs its trigger."""


class AirflowAPI:
    """
    :param url: URL of the API server or web server.
    :param stable: path of its stable API.
    :param login: name and password; None: everybody is an admin.
    """

    def __init__(self, url: str, *, stable: str, login: tuple[str, str] | None = None) -> None:
        self._base = url
        self._login = login
        self._url = f"{url}/{stable}"
        self._v2 = stable.endswith("v2")
        self._health = f"{self._url}/monitor/health" if self._v2 else f"{self._url}/health"
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy for loopback

    def healthy(self) -> bool:
        """Whether the API answers, the scheduler is healthy, and every other component that has started."""
        try:
            answer = self._session.get(self._health, timeout=5)
        except requests.RequestException:
            return False
        if not answer.ok:
            return False
        if self._v2 and "Authorization" not in self._session.headers:
            self._warm_up()
            self._session.headers["Authorization"] = f"Bearer {self._token()}"
        components = answer.json()
        states = {name: component.get("status") for name, component in components.items() if component}
        return states.get("scheduler") == "healthy" and set(states.values()) <= _HEALTHY

    def _warm_up(self) -> None:
        """Let the server make the API of the tasks now, while other services start.

        It does so at the first call, for many seconds, and answers nobody meanwhile. The first tasks would
        give up and try again.
        """
        with suppress(requests.Timeout):
            self._session.get(f"{self._base}/execution/health", timeout=60)

    def _token(self) -> str:
        url = f"{self._base}/auth/token"
        if self._login is None:
            # Everybody is an admin, but up to 3.2 the admin still needs a token.
            return str(self._session.get(url, timeout=5).json()["access_token"])
        login = dict(zip(("username", "password"), self._login, strict=True))
        return str(self._session.post(url, json=login, timeout=5).json()["access_token"])

    def dag_ids(self) -> set[str]:
        return {dag["dag_id"] for dag in self._get("dags")["dags"]}

    def import_errors(self) -> dict[str, str]:
        """DAG file -> traceback."""
        errors = self._get("importErrors")["import_errors"]
        return {error["filename"]: error["stack_trace"] for error in errors}

    def unpause(self, dag_id: str) -> None:
        self._call("PATCH", f"dags/{dag_id}?update_mask=is_paused", {"is_paused": False})

    def trigger(self, dag_id: str, **params: Any) -> str:
        """Unpause the DAG, start a run with these params, and return its id."""
        self.unpause(dag_id)
        asked = {"conf": params, **({"logical_date": None} if self._v2 else {})}
        run = self._call("POST", f"dags/{dag_id}/dagRuns", asked)
        return str(run["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        return str(self._get(_run(dag_id, run_id))["state"])

    def task_instances(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        instances = self._get(f"{_run(dag_id, run_id)}/taskInstances")["task_instances"]
        return [
            TaskInstance(
                instance["task_id"],
                instance["map_index"],
                instance["state"],
                instance["try_number"],
                instance["start_date"],
                instance["duration"],
                (instance["trigger"] or {}).get("triggerer_id"),
            )
            for instance in instances
        ]

    def watch(self, dag_id: str, run_id: str, timeout: float) -> Iterator[list[TaskInstance]]:
        """Yield the task instances every second until the run has ended.

        :raises TimeoutError: if it has not ended after ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        while True:
            over = self.run_state(dag_id, run_id) in FINISHED_RUN
            yield self.task_instances(dag_id, run_id)
            if over:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"Run {run_id} of {dag_id} has not ended after {timeout:.0f} seconds")
            time.sleep(1)

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """A value that a task pushed.

        :raises requests.HTTPError: 404 if it did not push such a value.
        """
        path = f"{_run(dag_id, run_id)}/taskInstances/{task_id}/xcomEntries/{key}"
        return self._get(path, stringify="false")["value"]

    def rendered(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """The rendered templates of a task."""
        return dict(self._get(f"{_run(dag_id, run_id)}/taskInstances/{task_id}")["rendered_fields"])

    def links(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> dict[str, str | None]:
        """The extra links of a task: name -> URL, or None without a URL."""
        query = {} if map_index < 0 else {"map_index": str(map_index)}
        links = self._get(f"{_run(dag_id, run_id)}/taskInstances/{task_id}/links", **query)
        return dict(links.get("extra_links", links))

    def clear(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Clear one task of a run, so that it runs again."""
        self._call(
            "POST",
            f"dags/{dag_id}/clearTaskInstances",
            {
                "dry_run": False,
                "dag_run_id": run_id,
                "task_ids": [task_id],
                "only_failed": False,
                "reset_dag_runs": True,
            },
        )

    def mark(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Mark one task of a run as ``failed`` or ``success``, as a user does in the UI."""
        body: dict[str, Any] = {"new_state": state}
        if not self._v2:
            body["dry_run"] = False
        self._call("PATCH", f"{_run(dag_id, run_id)}/taskInstances/{task_id}", body)

    def mark_run(self, dag_id: str, run_id: str, state: str) -> None:
        """Mark a run as ``failed`` or ``success``; its running tasks are marked with it."""
        self._call("PATCH", _run(dag_id, run_id), {"state": state})

    def delete_run(self, dag_id: str, run_id: str) -> None:
        """Delete a run; Airflow 3 refuses that if the run has not ended."""
        self._call("DELETE", _run(dag_id, run_id), None)

    def task_log(self, dag_id: str, run_id: str, task: TaskInstance) -> list[str]:
        """The lines of a try's log."""
        answer = self._session.get(
            f"{self._url}/{_run(dag_id, run_id)}/taskInstances/{task.task_id}/logs/{task.try_number}",
            params={"full_content": "true", "map_index": str(task.map_index)},
            headers={"Accept": "application/x-ndjson" if self._v2 else "text/plain"},
            timeout=30,
        )
        answer.raise_for_status()
        lines = answer.text.splitlines()
        return [line for raw in lines for line in _log_lines(raw)] if self._v2 else lines

    def _get(self, path: str, **parameters: str) -> Any:
        return self._call("GET", path, None, parameters)

    def _call(self, method: str, path: str, body: Any, parameters: dict[str, str] | None = None) -> Any:
        answer = self._session.request(
            method, f"{self._url}/{path}", json=body, params=parameters, timeout=30
        )
        if not answer.ok:
            raise requests.HTTPError(f"{method} {path}: {answer.status_code} {answer.text}", response=answer)
        return answer.json() if answer.content else None


def _run(dag_id: str, run_id: str) -> str:
    return f"dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"


def _log_lines(raw: str) -> Iterator[str]:
    """The text of one structured log entry of Airflow 3, with its exception."""
    entry = json.loads(raw)
    if not isinstance(entry, dict):
        yield str(entry)
        return
    yield from str(entry.get("event", "")).splitlines()
    for error in entry.get("error_detail") or []:
        yield from f"{error.get('exc_type')}: {error.get('exc_value')}".splitlines()
