"""Whether a process that is told to go has to take its job along: only if somebody has decided that."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from typing import Any, NamedTuple

from airflow.providers.common.compat.sdk import AirflowTaskTimeout

from airflow_provider_amlrest.lifecycle import patience
from airflow_provider_amlrest.lifecycle.task_state import (
    AIRFLOW_3,
    MISSING,
    OVER,
    RESTARTING,
    RUNNING,
    CannotAskError,
    InterruptedMessageError,
    ask_from_signal,
    is_talking_to_supervisor,
)

log = logging.getLogger(__name__)

_put_off_until: float | None = None
"""Until when this process, which runs one task, puts its signal off, by the monotonic clock."""


class Verdict(NamedTuple):
    """What is to become of the job."""

    ends: bool
    why: str
    """A clause, for the log."""


def judge(ti: Any, retries: int | None) -> Verdict | None:
    """Judge why ``on_kill`` was called, and whether anybody will come for the job.

    Called where ``on_kill`` is: in a signal handler, or after the ``execution_timeout``. A task that is
    failed, succeeded, skipped, deleted or restarted has been stopped by somebody. One that counts as running
    has not: its process goes away, and its next try takes the job over. If there is none, nobody would.
    None: Airflow cannot be asked at this moment, and the process will be told once more in a moment.

    :param ti: the task instance, as the task's context has it.
    :param retries: of the task, as they are now.
    """
    if isinstance(sys.exception(), AirflowTaskTimeout):
        return Verdict(True, "its execution_timeout is over")
    try:
        state, is_newest = ask_from_signal(ti, patience.ASK_IN_SIGNAL)
    except CannotAskError as error:
        if isinstance(error, InterruptedMessageError) and _put_off():
            return None
        return _by_tries(ti, retries, f"Airflow cannot be asked why ({error})")
    if not is_newest:
        return Verdict(False, "Airflow has given the task to another try")
    if state in OVER or state in (MISSING, RESTARTING):
        return Verdict(True, f"the task is {state} in Airflow")
    if state != RUNNING:
        return Verdict(
            False, f"the task is {state or 'to be scheduled again'} in Airflow: its next try takes over"
        )
    return _by_tries(ti, retries, "the task still counts as running in Airflow")


def _by_tries(ti: Any, retries: int | None, what: str) -> Verdict:
    # As Airflow itself decides whether a task is tried again.
    if retries and ti.try_number <= (ti.max_tries or 0):
        return Verdict(False, f"{what}, and the next try takes over")
    return Verdict(True, f"{what}, but there is no try left that would take over")


def _put_off() -> bool:
    """Send the signal to this process anew as soon as its message to Airflow is over; False: not any more.

    The message goes on only after the signal's handler has returned.
    """
    global _put_off_until
    now = time.monotonic()
    if _put_off_until is None:
        _put_off_until = now + patience.PUT_OFF
    if now >= _put_off_until:
        return False
    threading.Thread(target=_tell_again, args=(_put_off_until,), name="tell-again", daemon=True).start()
    return True


def _tell_again(until: float) -> None:
    main = threading.main_thread().ident
    while time.monotonic() < until and is_talking_to_supervisor(sys._current_frames().get(main or 0)):
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGTERM)


def leave_process() -> None:
    """End a task whose process is told to go, so that its next try can begin.

    Airflow 2.11 does so after ``on_kill``; Airflow 3 goes on as if nothing had happened. SystemExit is a
    failure that is retried (Airflow 3.0 to 3.3), and nothing on the way takes it for a failed request.
    """
    if AIRFLOW_3:
        raise SystemExit("The process was told to end; the task's next try goes on.")
