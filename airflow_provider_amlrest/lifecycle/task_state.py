"""The state of a task instance, asked of Airflow: each version its own way."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from http import HTTPStatus
from importlib.util import find_spec
from types import FrameType
from typing import Any, NamedTuple

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


class TryState(NamedTuple):
    """What Airflow says of a try of a task."""

    state: str | None
    """As :func:`ask_state` gives it: that of the newest try."""
    is_newest: bool
    """False: Airflow has given the task to a later try."""


class CannotAskError(Exception):
    """Airflow gave no answer, for the reason that the text says."""


class InterruptedMessageError(CannotAskError):
    """The signal has interrupted a message to Airflow, which must be over before Airflow can be asked."""


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


def count_runs(dag_id: str, states: tuple[str, ...]) -> int:
    """How many runs of a DAG are in these states; without any: how many there are. It blocks."""
    if not AIRFLOW_3:
        return _count_in_database(dag_id, states)
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    return RuntimeTaskInstance.get_dr_count(dag_id=dag_id, states=list(states) or None)


def ask_about_try(ti: Any) -> TryState:
    """The state of a task instance, and whether the try that is asked about still has it.

    :param ti: as the try's context has it.
    """
    task = TaskKey.of(ti)
    if not AIRFLOW_3:
        return _ask_database_about_try(task, ti.try_number)
    state = ask_state(task)
    return TryState(state, state == MISSING or _is_known(ti.id))


def ask_from_signal(ti: Any, patience: float) -> TryState:
    """:func:`ask_about_try` in a signal handler, which may have interrupted anything.

    :param patience: seconds to wait for the answer.
    :raises InterruptedMessageError: if it has interrupted another message to Airflow.
    :raises CannotAskError: there is none in time, or the question itself fails.
    """
    if is_talking_to_supervisor(sys._getframe()):
        raise InterruptedMessageError("the task was in the middle of another question to Airflow")
    answers: list[TryState] = []
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            answers.append(ask_about_try(ti))
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


def is_talking_to_supervisor(frame: FrameType | None) -> bool:
    """Whether a message of Airflow 3 to its supervisor is under way in this frame or below.

    A second one would mix the answers up (up to 3.2), or wait for the first for ever.
    """
    while frame is not None:
        if frame.f_globals.get("__name__") == "airflow.sdk.execution_time.comms":
            return True
        frame = frame.f_back
    return False


def _is_known(ti_id: Any) -> bool:
    """Whether Airflow 3 still has this id of a task instance: each try gets a new one (3.0 to 3.3).

    Of the questions that name an id and change nothing, it is the one that a task may ask in all of them.
    """
    from airflow.sdk.exceptions import AirflowRuntimeError
    from airflow.sdk.execution_time.comms import ValidateInletsAndOutlets
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    try:
        SUPERVISOR_COMMS.send(ValidateInletsAndOutlets(ti_id=ti_id))
    except AirflowRuntimeError as error:
        return (error.error.detail or {}).get("status_code") != HTTPStatus.NOT_FOUND
    return True


def _ask_database(task: TaskKey) -> str | None:
    return _ask_database_about_try(task, 0).state


def _ask_database_about_try(task: TaskKey, try_number: int) -> TryState:
    """Airflow 2.11."""
    from airflow.models import TaskInstance
    from airflow.utils.session import create_session

    with create_session() as session:
        row = (
            session.query(TaskInstance.state, TaskInstance.try_number)
            .filter_by(dag_id=task.dag_id, task_id=task.task_id, run_id=task.run_id, map_index=task.map_index)
            .one_or_none()
        )
    return TryState(_word(row.state), row.try_number <= try_number) if row else TryState(MISSING, True)


def _count_in_database(dag_id: str, states: tuple[str, ...]) -> int:
    """Airflow 2.11."""
    from airflow.models import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        runs = session.query(DagRun).filter(DagRun.dag_id == dag_id)
        return int((runs.filter(DagRun.state.in_(states)) if states else runs).count())


def _word(state: Any) -> str | None:
    """Enums and texts are given alike."""
    return None if state is None else str(getattr(state, "value", state))
