"""What a kind of job must give: its shape, and what ARM and run history show of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.answers import MlError
    from airflow_provider_amlrest.emulator.arm.call import Call
    from airflow_provider_amlrest.emulator.arm.shapes import Record
    from airflow_provider_amlrest.emulator.arm.versions import ApiVersion, Since
    from airflow_provider_amlrest.emulator.config import Workspace
    from airflow_provider_amlrest.emulator.store import JobRecord

Properties: TypeAlias = dict[str, Any]
"""A job's ``properties`` in the canonical shape."""


def _as_sent(properties: Properties, workspace: Workspace) -> Properties:
    return properties


def _without_more(properties: Properties, call: Call) -> None:
    """Nothing else is checked."""


def _as_kept(job: JobRecord, answer: Properties) -> Properties:
    return answer


@dataclass(frozen=True)
class Wire2021:
    """How api-version 2021-03-01-preview spells a kind of job."""

    shape: Record
    """The ``properties`` of a PUT."""
    to_canonical: Callable[[Properties, Call], Properties]
    """What was sent, as the canonical shape takes it."""
    from_canonical: Callable[[Properties], Properties]
    """The answer to a job that another version has sent."""


@dataclass(frozen=True)
class Kind:
    """A kind of job. Its module has one as ``KIND``; :mod:`kinds` has the modules' names."""

    job_type: str
    """As the wire spells it: ``Command``."""
    run_type: str
    """As run history spells it."""
    shape: Record
    """The ``properties`` of a PUT."""
    initial_status: str
    """In the answer to the PUT."""
    references: Callable[[Properties], Iterable[str | None]]
    """The environments and codes that it names; the workspace must have them."""
    service_properties: Callable[[Properties], dict[str, str]]
    """What the service adds to ``properties`` when it creates the job."""
    resolved: Callable[[Properties, Workspace], Properties] = _as_sent
    """With names as the ids that the service makes of them."""
    check: Callable[[Properties, Call], None] = _without_more
    """What else must be right of a new one."""
    answer: Callable[[JobRecord, Properties], Properties] = _as_kept
    """What is answered, if that is not what is kept."""
    has_tracking: bool = False
    """Whether its ``services`` name the MLflow endpoint."""
    occupies_nodes: bool = False
    """Whether it itself runs on nodes of its compute; a job that only has children does not."""
    step_type: str | None = None
    """How run history calls its children, if not by their own kinds; ARM answers them without properties."""
    traits: tuple[str, ...] = ()
    orchestrator: str | None = None
    """What run history calls it besides."""
    late_cancel: Callable[[JobRecord], MlError] | None = None
    """What answers the cancel of one that has ended; None: a 200."""
    cancel_tags: Mapping[str, str] = field(default_factory=dict)
    """Tags that the request for a cancel sets."""
    since: Since | None = None
    """The versions in whose words it is answered; None: all but 2021-03-01-preview."""
    wire_2021: Wire2021 | None = None
    """None: api-version 2021-03-01-preview has no such jobs."""

    def is_in(self, version: ApiVersion) -> bool:
        """Whether an api-version has words for such jobs."""
        if version.is_2021:
            return self.wire_2021 is not None
        return self.since is None or version.has(self.since)
