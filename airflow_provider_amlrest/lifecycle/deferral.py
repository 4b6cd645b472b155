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
    """Whether the task of a canceled trigger is no longer deferred on it.

    Airflow cancels a trigger's coroutine if the task was cleared, marked, skipped or timed out; then this is
    True. It also does so if the triggerer ends, or has lost the trigger to another one. Before 3.3, Airflow
    does not say which; 3.3 treats a lost trigger like one that a user has ended. If Airflow does not answer,
    this is False.
    """
    from asgiref.sync import sync_to_async

    # Not canceled if it takes too long: Airflow up to 3.2 would mix up the answers of its API.
    question = asyncio.ensure_future(sync_to_async(_is_deferred)(trigger))
    await asyncio.wait([question], timeout=patience.ASK_IN_TRIGGER)
    if question.done() and question.exception() is None:
        return not question.result()
    why = repr(question.exception()) if question.done() else f"no answer within {patience.ASK_IN_TRIGGER:g} s"
    log.warning("Cannot ask Airflow whether the task continues: %s. What it began is left alone.", why)
    return False


def _is_deferred(trigger: Any) -> bool:
    ti = trigger.task_instance
    if not AIRFLOW_3:
        return _is_deferred_in_database(ti, trigger.trigger_id)
    return ask_state(TaskKey.of(ti)) == DEFERRED


def _is_deferred_in_database(ti: Any, trigger_id: int) -> bool:
    """For Airflow 2: a task that was cleared and deferred again has another trigger."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    with create_session() as session:
        found = session.get(TaskInstance, (ti.dag_id, ti.task_id, ti.run_id, ti.map_index))
        return found is not None and found.state == DEFERRED and found.trigger_id == trigger_id
