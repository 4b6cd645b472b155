"""Whether a task was ended while it was deferred."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from airflow.triggers.base import BaseTrigger

from airflow_provider_amlrest.lifecycle import patience
from airflow_provider_amlrest.lifecycle.task_state import AIRFLOW_3, DEFERRED, TaskKey, ask_state

log = logging.getLogger(__name__)

AIRFLOW_CALLS_ON_KILL = hasattr(BaseTrigger, "on_kill")
"""Airflow 3.3."""


async def has_left_deferral(trigger: Any) -> bool:
    """Whether the task of a trigger that is canceled is no longer deferred on it.

    Airflow cancels a trigger's coroutine because the task was cleared, marked, skipped or timed out, in which
    case this is True; or because the triggerer ends, or has lost the trigger to another one. Before 3.3 it
    says nothing about that; 3.3 takes a lost trigger for one that a user has ended. If Airflow cannot be
    asked, it is False.
    """
    from asgiref.sync import sync_to_async

    # Not canceled when it takes too long: Airflow up to 3.2 would mix up the answers of its API.
    question = asyncio.ensure_future(sync_to_async(_is_deferred)(trigger))
    await asyncio.wait([question], timeout=patience.ASK_IN_TRIGGER)
    if question.done() and question.exception() is None:
        return not question.result()
    why = repr(question.exception()) if question.done() else f"no answer within {patience.ASK_IN_TRIGGER:g} s"
    log.warning("Airflow cannot be asked whether the task goes on: %s. Its job is not canceled.", why)
    return False


def _is_deferred(trigger: Any) -> bool:
    ti = trigger.task_instance
    if not AIRFLOW_3:
        return _is_deferred_in_database(ti, trigger.trigger_id)
    return ask_state(TaskKey.of(ti)) == DEFERRED


def _is_deferred_in_database(ti: Any, trigger_id: int) -> bool:
    """Airflow 2: cleared and deferred again, the task has another trigger."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    with create_session() as session:
        found = session.get(TaskInstance, (ti.dag_id, ti.task_id, ti.run_id, ti.map_index))
        return found is not None and found.state == DEFERRED and found.trigger_id == trigger_id
