"""How simulated jobs go: what their tags say, and scripts that a test keeps beside the jobs.

==========================  ============================================================================
tag or field of a script    meaning
==========================  ============================================================================
``emulator.outcome``        ``completed`` (default), ``failed``, ``canceled`` (by the service),
                            ``canceled_by_person``, ``canceled_by_preemption``, ``evicted`` (pre-empted and
                            not run again: failed), ``stuck`` (queued for ever), ``preempted`` (its node is
                            lost: NotResponding, then queued and run again, then completed), ``lost``
                            (NotResponding, then failed)
``emulator.seconds``        seconds in each status after Queued (default: the setting ``job_seconds``;
                            Finalizing takes none)
``emulator.queue_seconds``  seconds in Starting and Queued together (default 0)
``emulator.metrics``        JSON object of metrics that are logged at the end of the run; null: this one is
                            not, not even a sweep's primary metric by its trials
``emulator.metric_steps``   how often each of them is logged, spread over its time as Running, on its way to
                            the value (default 1: at the end)
``emulator.log_lines``      how many lines it logs, spread over its time as Running (default 0: it has no log)
``emulator.error``          message of the error when it fails
``emulator.throttled_reads``  how many reads of the job are answered 429 (default 0)
==========================  ============================================================================
"""

from __future__ import annotations

import itertools
import json
import math
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_amlrest.emulator.behaviour.faults import FaultRules, Tuning
    from airflow_provider_amlrest.emulator.store import JobRecord

TAG_PREFIX = "emulator."
CANCELED = ("canceled", "canceled_by_person", "canceled_by_preemption")
OUTCOMES = ("completed", "failed", *CANCELED, "evicted", "stuck", "preempted", "lost")
TEXT_FIELDS = ("outcome", "error")
NUMBER_FIELDS = ("seconds", "queue_seconds", "metric_steps", "log_lines", "throttled_reads")
FIELDS = (*TEXT_FIELDS, *NUMBER_FIELDS, "metrics")


@dataclass(frozen=True)
class Behaviour:
    """How one job goes."""

    outcome: str
    seconds: float
    queue_seconds: float
    log_lines: int
    metrics: Mapping[str, float]
    metric_steps: int
    error: str | None
    throttled_reads: int

    @property
    def takes_no_time(self) -> bool:
        """Whether it comes to rest at once: it ends, or is stuck."""
        return self.seconds == 0 and self.queue_seconds == 0


def read_behaviour(tags: Mapping[str, str], job_seconds: float) -> Behaviour:
    """What the tags of a job say.

    Raises:
        ValueError: names the tag that cannot be read.
    """
    outcome = tags.get("emulator.outcome", "completed")
    if outcome not in OUTCOMES:
        raise ValueError(f"emulator.outcome is {outcome!r}, not one of {', '.join(OUTCOMES)}.")
    return Behaviour(
        outcome=outcome,
        seconds=number_in(tags, "emulator.seconds", job_seconds),
        queue_seconds=number_in(tags, "emulator.queue_seconds", 0.0),
        log_lines=int(number_in(tags, "emulator.log_lines", 0.0)),
        metrics=_metrics(tags),
        metric_steps=max(1, int(number_in(tags, "emulator.metric_steps", 1.0))),
        error=tags.get("emulator.error"),
        throttled_reads=int(number_in(tags, "emulator.throttled_reads", 0.0)),
    )


def number_in(tags: Mapping[str, str], tag: str, default: float) -> float:
    """The number >= 0 that a tag says.

    Raises:
        ValueError: it is none.
    """
    text = tags.get(tag)
    try:
        number = default if text is None else float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise ValueError(f"{tag} is {text!r}, not a number >= 0.")
    return number


def _metrics(tags: Mapping[str, str]) -> dict[str, float]:
    text = tags.get("emulator.metrics", "{}")
    try:
        return {str(name): float(value) for name, value in json.loads(text).items() if value is not None}
    except (ValueError, TypeError, AttributeError):
        raise ValueError(f"emulator.metrics is {text!r}, not a JSON object of numbers and nulls.") from None


def labels(job: JobRecord) -> set[str]:
    """What a job can be called by: its name, display name, experiment, and Airflow task id."""
    properties = job.properties
    task = (properties.get("tags") or {}).get("airflow_task_id")
    known = (job.name, properties.get("displayName"), properties.get("experimentName"), task)
    return {label for label in known if label}


def is_called(job: JobRecord, pattern: str) -> bool:
    """Whether one of the job's labels matches a regular expression from its beginning to its end."""
    return any(re.fullmatch(pattern, label) for label in labels(job))


@dataclass
class Script:
    """How the jobs that it matches go."""

    id: str
    job: str
    """Regular expression; see :func:`is_called`."""
    times: int | None
    """For how many jobs it is good; None: all."""
    says: dict[str, Any]
    """Fields of the table above, without the prefix."""
    jobs: list[str] = field(default_factory=list)
    """The names of the jobs that went by it."""

    @property
    def tags(self) -> dict[str, str]:
        """The same as tags on a job."""
        return {
            f"{TAG_PREFIX}{name}": value if isinstance(value, str) else json.dumps(value)
            for name, value in self.says.items()
        }


class Scripts:
    """Scripts in the order they came. A job goes by the first that matches it when it is submitted."""

    def __init__(self, tuning: Tuning, faults: FaultRules) -> None:
        self.tuning = tuning
        self._faults = faults
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._scripts: list[Script] = []
        self._chosen: dict[tuple[str, str, str], dict[str, str]] = {}
        """By workspace, name and time of creation: a deleted job's name may be taken again."""

    def add(self, values: dict[str, Any]) -> Script:
        """Add a script from its JSON form.

        Raises:
            ValueError: says which field is wrong.
        """
        script = _checked(str(next(self._numbers)), values)
        with self._lock:
            self._scripts.append(script)
        return script

    def all(self) -> list[Script]:
        with self._lock:
            return list(self._scripts)

    def remove(self, script_id: str | None = None) -> int:
        """Remove one script, or all; how many went. Jobs that go by it are not changed."""
        with self._lock:
            kept = [script for script in self._scripts if script_id is not None and script.id != script_id]
            removed = len(self._scripts) - len(kept)
            self._scripts = kept
            return removed

    def clear(self) -> None:
        """Remove all, and forget which jobs went by which."""
        self.remove()
        with self._lock:
            self._chosen.clear()

    def tags(self, job: JobRecord) -> dict[str, str]:
        """The tags that a job goes by: its own, and over them those of its script. Trials have their own."""
        own = {
            key: text
            for key, text in (job.properties.get("tags") or {}).items()
            if key.startswith(TAG_PREFIX)
        }
        return own if job.parent else {**own, **self._script_tags(job)}

    def step_tags(self, step: JobRecord) -> dict[str, str]:
        """The tags of the script for one step of a pipeline: by its own name, which is its display name."""
        return self._script_tags(step, {str(step.properties.get("displayName"))})

    def behaviour(self, job: JobRecord) -> Behaviour:
        """How a job goes.

        Raises:
            ValueError: one of its tags cannot be read.
        """
        return read_behaviour(self.tags(job), self.tuning.job_seconds)

    def throttle(self, job: JobRecord, behaviour: Behaviour) -> None:
        """Let the next reads of a job be answered 429, as its behaviour says."""
        if behaviour.throttled_reads:
            self._faults.add(
                {
                    "method": "GET",
                    "path": f"/workspaces/{re.escape(job.workspace)}/jobs/{re.escape(job.name)}$",
                    "times": behaviour.throttled_reads,
                    "status": 429,
                    "headers": {"Retry-After": "1"},
                    "body": {
                        "error": {"code": "TooManyRequests", "message": "The request is being throttled."}
                    },
                }
            )

    def _script_tags(self, job: JobRecord, called: set[str] | None = None) -> dict[str, str]:
        key = (job.workspace, job.name, job.created_at)
        with self._lock:
            if key not in self._chosen:
                script = self._choose(labels(job) if called is None else called)
                if script is not None:
                    script.jobs.append(job.name)
                self._chosen[key] = script.tags if script else {}
            return self._chosen[key]

    def _choose(self, called: set[str]) -> Script | None:
        for script in self._scripts:
            is_good = script.times is None or len(script.jobs) < script.times
            if is_good and any(re.fullmatch(script.job, label) for label in called):
                return script
        return None


def _checked(number: str, values: dict[str, Any]) -> Script:
    says = {name: value for name, value in values.items() if name in FIELDS}
    unknown = sorted(set(values) - {"job", "times", *FIELDS})
    if unknown:
        raise ValueError(
            f"unknown field {unknown[0]!r} in a script; there are job, times, {', '.join(FIELDS)}"
        )
    for name, value in says.items():
        kinds = str if name in TEXT_FIELDS else int | float if name in NUMBER_FIELDS else dict
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise ValueError(f"field {name!r} of a script cannot be {value!r}")
    job, times = values.get("job"), values.get("times")
    if not isinstance(job, str):
        raise ValueError("a script needs 'job', a regular expression")
    try:
        re.compile(job)
    except re.error as error:
        raise ValueError(f"'job' is not a regular expression: {error}") from None
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        raise ValueError(f"'times' must be a whole number >= 1 or null, not {times!r}")
    script = Script(number, job, times, says)
    read_behaviour(script.tags, 0.0)
    return script
