"""A service with a job list and a bucket of reads, and pollers that read from it, on a virtual clock."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil, inf
from random import Random
from statistics import quantiles

from airflow_provider_amlrest.rest.poll.schedule import Failure, Poller, Read, ReadJob


@dataclass
class Service:
    """Jobs newest first, and a token bucket as Resource Manager has it."""

    page_size: int = 20
    latency: float = 0.05
    lag: float = 0.0
    """Seconds for which the list does not show a new job, and shows an ended one as it was."""
    bucket: float = 250.0
    refill: float = 25.0
    ends: dict[str, float] = field(default_factory=dict)
    """When each job ends, in the order of their creation."""
    created: dict[str, float] = field(default_factory=dict)
    down: Callable[[float], bool] = lambda now: False
    broken: frozenset[str] = frozenset()
    """Jobs that are answered 500."""
    level: float = 250.0
    level_at: float = 0.0
    _listed: list[str] = field(default_factory=list)

    def add(self, name: str, *, ends: float = inf, created: float = -inf) -> None:
        self.ends[name], self.created[name] = ends, created

    def status(self, name: str, now: float) -> str:
        return "Completed" if self.ends[name] <= now else "Running"

    def spend(self, now: float) -> int | None:
        """What remains after this read; None: 429."""
        self.level = min(self.bucket, self.level + (now - self.level_at) * self.refill)
        self.level_at = now
        if self.level < 1:
            return None
        self.level -= 1
        return int(self.level)

    def _newest_first(self, now: float) -> list[str]:
        if self.lag or len(self._listed) != len(self.ends):
            self._listed = [name for name in reversed(self.ends) if self.created[name] <= now - self.lag]
        return self._listed

    def page(self, link: str | None, now: float) -> tuple[list[tuple[str, str]], str | None]:
        newest_first = self._newest_first(now)
        start = int(link or 0)
        end = start + self.page_size
        items = [(name, self.status(name, now - self.lag)) for name in newest_first[start:end]]
        return items, str(end) if end < len(newest_first) else None


@dataclass
class Reader:
    """One poller with what became of it."""

    poller: Poller
    reads: list[tuple[float, Read]] = field(default_factory=list)
    seen: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    errors: list[tuple[float, str]] = field(default_factory=list)
    throttled: int = 0

    def gets(self) -> int:
        return sum(isinstance(read, ReadJob) for _, read in self.reads)

    def pages(self) -> int:
        return len(self.reads) - self.gets()

    def rate(self, start: float, end: float) -> float:
        return sum(start <= at < end for at, _ in self.reads) / (end - start)


class World:
    """A service, its readers, and the time."""

    def __init__(self, service: Service, readers: int = 1) -> None:
        self.now = 0.0
        self.service = service
        self.readers = [Reader(Poller(Random(seed))) for seed in range(readers)]
        self._answers: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()

    @property
    def reader(self) -> Reader:
        return self.readers[0]

    def watch(self, name: str, reader: int = 0, *, poll_interval: float = 60, age: float = 1e6) -> None:
        self.readers[reader].poller.add(name, self.now, poll_interval=poll_interval, status="Queued", age=age)

    def at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._answers, (when, next(self._number), action))

    def run(self, until: float) -> None:
        """Let time go on: each poller reads what it wants, when it wants."""
        while self.now < until:
            wake = until
            for reader in self.readers:
                while not isinstance(step := reader.poller.next(self.now), float):
                    self._read(reader, step)
                wake = min(wake, self.now + max(step, 1e-6))
            self.now = min(wake, self._answers[0][0] if self._answers else inf)
            while self._answers and self._answers[0][0] <= self.now:
                heapq.heappop(self._answers)[2]()

    def _read(self, reader: Reader, read: Read) -> None:
        reader.reads.append((self.now, read))
        service, now = self.service, self.now
        if service.down(now):
            self._fails(reader, read, Failure.OUTAGE)
            return
        remaining = service.spend(now)
        if remaining is None:
            reader.throttled += 1
            self._fails(reader, read, Failure.THROTTLED, float(ceil((1 - service.level) / service.refill)))
        elif isinstance(read, ReadJob) and read.name in service.broken:
            self._fails(reader, read, Failure.OUTAGE)
        elif isinstance(read, ReadJob) and read.name not in service.ends:
            self._fails(reader, read, Failure.REFUSED)
        elif isinstance(read, ReadJob):
            self._answers_with(reader, read, [(read.name, service.status(read.name, now))], None, remaining)
        else:
            self._answers_with(reader, read, *service.page(read.link, now), remaining)

    def _fails(self, reader: Reader, read: Read, failure: Failure, after: float | None = None) -> None:
        def fail() -> None:
            told = reader.poller.failed(read, self.now, failure, after)
            reader.errors += [(self.now, name) for name in told]

        self.at(self.now + self.service.latency, fail)

    def _answers_with(
        self, reader: Reader, read: Read, jobs: list[tuple[str, str]], link: str | None, remaining: int
    ) -> None:
        statuses = dict(jobs)

        def answer() -> None:
            told = reader.poller.answered(read, self.now, jobs, next_link=link, remaining=remaining)
            for name in told:
                reader.seen.setdefault(name, []).append((self.now, statuses[name]))
                if statuses[name] == "Completed":
                    reader.poller.remove(name)

        self.at(self.now + self.service.latency, answer)

    # what came of it

    def delays(self, reader: int = 0) -> list[float]:
        """Seconds from each noticed end to its notice."""
        return [
            at - self.service.ends[name]
            for name, looks in self.readers[reader].seen.items()
            for at, status in looks
            if status == "Completed"
        ]

    def p99(self) -> float:
        return quantiles(self.delays(), n=100)[98]

    def gaps(self, name: str) -> list[float]:
        """Seconds between two looks at a job."""
        times = [0.0, *(at for at, _ in self.reader.seen.get(name, []))]
        return [later - earlier for earlier, later in itertools.pairwise(times)]
