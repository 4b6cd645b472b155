"""What serves the requests of online endpoints, and how it did: shared by the front and the runtime."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

KEPT_LATENCIES = 10_000
"""Of the last requests of a deployment, for its percentiles."""


class Place(NamedTuple):
    """Which deployment; names in lower case, as ARM compares them."""

    workspace: str
    endpoint: str
    deployment: str

    @classmethod
    def of(cls, workspace: str, path: str) -> Place:
        """By the path of a deployment below its workspace."""
        _, endpoint, _, deployment = path.lower().split("/")
        return cls(workspace, endpoint, deployment)


@dataclass
class Backend:
    """One thing that answers for a deployment: a process on a port of loopback, or a text."""

    speaks: Literal["score", "mlflow", "nothing"]
    """``score``: Azure ML's own protocol; ``mlflow``: that of MLflow's scoring server; ``nothing``: there is
    no process, and ``answer`` is what the deployment says."""
    port: int = 0
    answer: str = ""
    status: int = 200
    seconds: float = 0.0
    healthy: bool = True
    in_flight: int = 0
    _idle: threading.Condition = field(default_factory=threading.Condition)

    def take(self) -> None:
        with self._idle:
            self.in_flight += 1

    def give_back(self) -> None:
        with self._idle:
            self.in_flight -= 1
            self._idle.notify_all()

    def drained(self, seconds: float) -> bool:
        """Wait until it has answered everything; False if it has not in that time."""
        with self._idle:
            return self._idle.wait_for(lambda: not self.in_flight, seconds)


@dataclass
class Measures:
    """What the front has seen of a deployment."""

    requests: int = 0
    failed: int = 0
    """Of them, those that were not answered with 2xx."""
    mirrored: int = 0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_LATENCIES))
    """Seconds of the last requests."""

    def as_json(self) -> dict[str, object]:
        ordered = sorted(self.latencies)
        at = {f"p{share}": ordered[len(ordered) * share // 100] if ordered else None for share in (50, 95)}
        milliseconds = {name: None if value is None else round(value * 1000, 1) for name, value in at.items()}
        return {
            "requests": self.requests,
            "failed": self.failed,
            "mirrored": self.mirrored,
            "milliseconds": milliseconds,
        }


class Backends:
    """Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._backends: dict[Place, Backend] = {}
        self._measures: dict[Place, Measures] = {}

    def get(self, place: Place) -> Backend | None:
        with self._lock:
            return self._backends.get(place)

    def replace(self, place: Place, backend: Backend | None) -> Backend | None:
        """Let another one, or none, answer from now on; the one that did. It may still be busy."""
        with self._lock:
            old = self._backends.pop(place, None)
            if backend is not None:
                self._backends[place] = backend
            else:
                self._measures.pop(place, None)
            return old

    @contextmanager
    def taken(self, place: Place) -> Iterator[Backend | None]:
        """The one that answers a request now, which is busy meanwhile."""
        with self._lock:
            backend = self._backends.get(place)
            if backend is not None:
                backend.take()
        try:
            yield backend
        finally:
            if backend is not None:
                backend.give_back()

    def measure(self, place: Place, seconds: float, *, failed: bool, mirrored: bool) -> None:
        with self._lock:
            measures = self._measures.setdefault(place, Measures())
            measures.requests += 1
            measures.failed += failed
            measures.mirrored += mirrored
            measures.latencies.append(seconds)

    def measures(self) -> dict[Place, dict[str, object]]:
        with self._lock:
            return {place: measures.as_json() for place, measures in self._measures.items()}

    def clear(self) -> None:
        with self._lock:
            self._backends.clear()
            self._measures.clear()
