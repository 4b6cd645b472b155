"""The state of a task instance, asked of Airflow: each version its own way."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

AIRFLOW_3 = find_spec("airflow.sdk") is not None

MISSING = "missing"
"""Instead of a state: Airflow has no such task instance, or none any more."""

OVER = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
"""States in which nobody waits for a job. A task instance without a state is not over: the scheduler takes
the state from tasks whose worker it has lost, and their next try finds the job."""

DEFERRED = "deferred"
RUNNING = "running"
RESTARTING = "restarting"
"""A task that is cleared while it runs."""


@dataclass(frozen=True)
class TaskKey:
    """A task instance, whichever its try."""

    dag_id: str
    task_id: str
    run_id: str
    map_index: int

    @classmethod
    def of(cls, ti: Any) -> TaskKey:
        """That of any of Airflow's own objects for one."""
        return cls(ti.dag_id, ti.task_id, ti.run_id, -1 if ti.map_index is None else ti.map_index)


class CannotAskError(Exception):
    """Airflow gave no answer, for the reason that the text says."""


def ask_state(task: TaskKey) -> str | None:
    """The state of a task instance, or :data:`MISSING`; None: it has none yet, or not again.

    By the API of tasks in Airflow 3, where tasks and triggers see no database. It blocks.
    """
    if not AIRFLOW_3:
        return _ask_database(task)
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    states = RuntimeTaskInstance.get_task_states(
        dag_id=task.dag_id, task_ids=[task.task_id], run_ids=[task.run_id], map_index=task.map_index
    )
    return _word(next(iter(states.get(task.run_id, {}).values()), MISSING))


def ask_state_from_signal(task: TaskKey, patience: float) -> str | None:
    """:func:`ask_state` in a signal handler, which may have interrupted anything.

    :param patience: seconds to wait for the answer.
    :raises CannotAskError: there is none in time, or the question itself fails.
    """
    if _is_talking_to_supervisor():
        raise CannotAskError("the task was in the middle of another question to Airflow")
    answers: list[str | None] = []
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            answers.append(ask_state(task))
        except BaseException as error:
            errors.append(error)

    # The interrupted thread may hold locks, sessions and sockets: another one is asked for.
    thread = threading.Thread(target=ask, name="ask-airflow", daemon=True)
    thread.start()
    thread.join(patience)
    if answers:
        return answers[0]
    why = repr(errors[0]) if errors else f"no answer within {patience:g} s"
    raise CannotAskError(why)


def _is_talking_to_supervisor() -> bool:
    """Whether a message of Airflow 3 to its supervisor is under way below: a second one would mix the answers
    up (up to 3.2), or wait for the first for ever."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__") == "airflow.sdk.execution_time.comms":
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def _ask_database(task: TaskKey) -> str | None:
    from airflow.models import TaskInstance
    from airflow.utils.session import create_session

    with create_session() as session:
        row = (
            session.query(TaskInstance.state)
            .filter_by(dag_id=task.dag_id, task_id=task.task_id, run_id=task.run_id, map_index=task.map_index)
            .one_or_none()
        )
    return _word(row.state if row else MISSING)


def _word(state: Any) -> str | None:
    """Enums and texts are given alike."""
    return None if state is None else str(getattr(state, "value", state))
