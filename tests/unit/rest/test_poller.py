"""The poller in a simulated world: a service with a job list, latencies, a bucket, and time of its own."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import Counter
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any

import pytest

from airflow_provider_amlrest.rest.poller import IN_FLIGHT, MAX_PAUSE, RATE, Get, Page, Poller, Read

LATENCY = {Get: 0.1, Page: 0.1}


@dataclass
class Bucket:
    """Resource Manager's bucket of reads for one principal."""

    size: float = 250
    refill: float = 25
    level: float = 250
    at: float = 0.0

    def take(self, now: float) -> int | None:
        """What is left after this read; None if there is none for it."""
        self.level = min(self.size, self.level + (now - self.at) * self.refill)
        self.at = now
        if self.level < 1:
            return None
        self.level -= 1
        return int(self.level)


@dataclass
class World:
    """Pollers, and jobs that end at their time. ``jobs``: the list, newest first, with the end of each."""

    jobs: dict[str, float]
    page_size: int = 20
    bucket: Bucket = field(default_factory=Bucket)
    outages: list[tuple[float, float]] = field(default_factory=list)
    now: float = 0.0
    reads: Counter[Any] = field(default_factory=Counter)
    noticed: dict[str, float] = field(default_factory=dict)
    log: list[tuple[float, Read]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._names = list(self.jobs)
        self._numbers = itertools.count()
        self._events: list[tuple[float, int, Poller, Any]] = []

    def run(self, until: float, *pollers: Poller) -> None:
        """Let time pass."""
        events, wakes = self._events, {id(poller): self.now for poller in pollers}
        for poller in pollers:
            heapq.heappush(events, (self.now, next(self._numbers), poller, None))
        while events and events[0][0] <= until:
            self.now, _, poller, answer = heapq.heappop(events)
            if answer is not None:
                answer()
            elif wakes[id(poller)] != self.now:
                continue  # It was asked in between.
            while not isinstance(step := poller.next(self.now), float):
                done = self.now + LATENCY[type(step)]
                heapq.heappush(events, (done, next(self._numbers), poller, self.ask(poller, step)))
            wakes[id(poller)] = self.now + step
            if math.isfinite(step):
                heapq.heappush(events, (self.now + step, next(self._numbers), poller, None))
        self.now = until

    def ask(self, poller: Poller, read: Read) -> Any:
        self.reads[type(read)] += 1
        self.log.append((self.now, read))
        if any(start <= self.now < end for start, end in self.outages):
            self.reads["failed"] += 1
            return lambda: poller.failed(read, self.now, throttled=False)
        left = self.bucket.take(self.now)
        if left is None:
            self.reads["throttled"] += 1
            return lambda: poller.failed(read, self.now, 5, throttled=True)

        def answer() -> None:
            poller.answered(read, self.now, left)
            if isinstance(read, Get):
                self.see(poller, read.name)
                return
            start = int(read.link or 0)
            names = self._names[start : start + self.page_size]
            for name in names:
                self.see(poller, name)
            end = start + self.page_size
            poller.listed(read, names, str(end) if end < len(self._names) else None, self.now)

        return answer

    def see(self, poller: Poller, name: str) -> None:
        ended = self.jobs[name] <= self.now
        poller.seen(name, "Completed" if ended else "Running", self.now)
        if ended and name in poller._watches and name not in self.noticed:
            self.noticed[name] = self.now
            poller.remove(name)

    def lags(self) -> list[float]:
        """Seconds from the end of a job to its notice."""
        return [at - self.jobs[name] for name, at in self.noticed.items()]


def poller(seed: int = 1) -> Poller:
    return Poller(random.Random(seed))  # noqa: S311


def names(count: int, prefix: str = "job") -> list[str]:
    return [f"{prefix}-{number}" for number in range(count)]


def p99(lags: list[float]) -> float:
    return quantiles(lags, n=100)[98]


def watch_all(poller: Poller, jobs: Any, interval: float = 60, now: float = 0) -> None:
    for name in jobs:
        poller.add(name, interval, now)


@pytest.mark.parametrize("interval", [0.2, 3.0, 30.0])
def test_one_job_is_looked_at_within_its_interval(interval: float) -> None:
    world, one = World({"a": math.inf}), poller()
    one.add("a", interval, 0)
    world.run(1000, one)
    times = [at for at, _ in world.log]
    assert max(later - sooner for sooner, later in itertools.pairwise(times)) <= interval + 0.11
    assert len(times) >= 1000 / (interval + 0.1)
    assert world.reads[Page] == 0


def test_a_young_job_is_looked_at_more_often_than_an_old_one() -> None:
    world, one = World({"a": math.inf}), poller()
    one.add("a", 300, 0)
    world.run(4000, one)
    times = [at for at, _ in world.log]
    assert sum(at < 60 for at in times) >= 10
    assert 10 <= sum(1000 <= at < 3000 for at in times) <= 24


def test_a_job_that_is_about_to_end_is_looked_at_more_often() -> None:
    one = poller()
    one.add("a", 300, 0)
    one.seen("a", "Running", 10_000)
    assert one.next(10_100) == pytest.approx(300 - 100, abs=60)
    one.seen("a", "Finalizing", 10_100)
    assert one.next(10_100) <= 5


def test_nobody_waits_nothing_is_read() -> None:
    world, one = World({"a": 5.0}), poller()
    assert one.next(0) == math.inf
    one.add("a", 1, 0)
    one.add("a", 1, 0)
    world.run(100, one)
    assert len(one) == 1, "the second who waits is still there"
    one.remove("a")
    count = len(world.log)
    world.run(200, one)
    assert len(world.log) == count


def test_a_few_jobs_are_read_one_by_one() -> None:
    world, one = World(dict.fromkeys(names(4), math.inf)), poller()
    watch_all(one, names(4), 30)
    world.run(600, one)
    assert world.reads[Page] == 0


def test_many_jobs_are_looked_for_in_the_list() -> None:
    world, one = World(dict.fromkeys(names(500), math.inf)), poller()
    watch_all(one, names(500))
    world.run(1000, one)
    before = world.reads.copy()
    world.run(1600, one)
    pages, gets = world.reads[Page] - before[Page], world.reads[Get] - before[Get]
    # 25 pages hold them all; 500 single reads per interval would be 5,000.
    assert 10 * 25 <= pages <= 14 * 25
    assert gets < 100


def test_ten_thousand_jobs_stay_in_the_bucket() -> None:
    generator = random.Random(7)  # noqa: S311
    jobs = {name: generator.uniform(600, 1800) for name in names(10_000)}
    world, one = World(jobs), poller()
    watch_all(one, jobs)
    world.run(2400, one)
    assert world.reads["throttled"] == 0
    assert len(world.noticed) == 10_000
    assert p99(world.lags()) < 120


@pytest.mark.parametrize("page_size", [20, 100])
def test_jobs_that_lie_deep_in_the_list_are_found(page_size: int) -> None:
    """300 that run for long, below 4,000 that have ended; and a few that are new."""
    ended, deep, new = names(4000, "ended"), names(300, "deep"), names(10, "new")
    jobs = dict.fromkeys(new, 900.0) | dict.fromkeys(ended, 0.0) | dict.fromkeys(deep, 1000.0)
    world, one = World(jobs, page_size), poller()
    watch_all(one, new + deep)
    world.run(3000, one)
    assert set(world.noticed) == {*new, *deep}
    assert world.reads["throttled"] == 0
    assert p99(world.lags()) < 120


def reads_per_interval(jobs: dict[str, float], watched: list[str]) -> float:
    world, one = World(jobs), poller()
    watch_all(one, watched)
    world.run(1200, one)
    before = len(world.log)
    world.run(2400, one)
    return (len(world.log) - before) / 20


def test_a_list_that_saves_nothing_costs_little() -> None:
    """Each of 100 jobs on a page of its own: 100 single reads are the best there is."""
    jobs: dict[str, float] = {}
    for number in range(100):
        jobs |= {f"job-{number}": math.inf} | dict.fromkeys(names(19, f"ended-{number}"), 0.0)
    assert reads_per_interval(jobs, names(100)) < 1.6 * 100


def test_a_desert_is_crossed_if_that_pays() -> None:
    """1,000 jobs behind 100 pages of others: 150 pages are better than 1,000 reads."""
    jobs = dict.fromkeys(names(2000, "others"), math.inf) | dict.fromkeys(names(1000), math.inf)
    assert reads_per_interval(jobs, names(1000)) < 300


def test_reads_are_spread() -> None:
    world, one = World(dict.fromkeys(names(300), math.inf)), poller()
    watch_all(one, names(300))
    world.run(600, one)
    for second in range(600):
        assert sum(second <= at < second + 1 for at, _ in world.log) <= RATE + 1


@pytest.mark.parametrize("count", [1, 3, 8])
def test_pollers_share_a_bucket_fairly(count: int) -> None:
    """Each has more to read than the bucket gives."""
    pollers = [poller(seed) for seed in range(count)]
    jobs: dict[str, float] = {}
    for number in range(1500 * count):
        jobs |= {f"job-{number}": math.inf} | dict.fromkeys(names(19, f"ended-{number}"), 0.0)
    world = World(jobs)
    for number, one in enumerate(pollers):
        watch_all(one, [f"job-{index}" for index in range(number, 1500 * count, count)], 30)
    world.run(600, *pollers)
    assert world.reads["throttled"] == 0
    reads = Counter(int(read.name.split("-")[1]) % count for _, read in world.log if isinstance(read, Get))
    assert max(reads.values()) < 1.3 * min(reads.values())
    assert sum(reads.values()) + world.reads[Page] > 0.7 * 600 * min(25, RATE * count)


def test_after_a_429_it_rests_as_long_as_it_is_told() -> None:
    one = poller()
    watch_all(one, names(3), 1)
    read = next(step for step in (one.next(at / 10) for at in range(20)) if not isinstance(step, float))
    one.failed(read, 2, 30, throttled=True)
    assert one.in_trouble
    assert 30 <= one.next(2) <= 36
    assert one.rate == pytest.approx(RATE / 2)
    one.failed(Get("job-0"), 2, 3600, throttled=True)
    assert one.next(2) <= 1.2 * MAX_PAUSE


def test_an_outage_is_probed_and_not_stormed() -> None:
    world, one = World(dict.fromkeys(names(1000), math.inf), outages=[(300, 900)]), poller()
    watch_all(one, names(1000))
    world.run(890, one)
    assert world.reads["failed"] <= 30
    assert one.in_trouble
    world.run(1100, one)
    assert not one.in_trouble
    last = {read.name for at, read in world.log if at > 900 and isinstance(read, Get)}
    assert len(last) < 1000


def test_a_job_that_ends_in_an_outage_is_noticed_after_it() -> None:
    world, one = World({"a": 400.0, "b": math.inf}, outages=[(300, 900)]), poller()
    watch_all(one, "ab")
    world.run(1000, one)
    assert 900 <= world.noticed["a"] <= 960


def test_a_job_that_is_gone_disturbs_nobody() -> None:
    one = poller()
    one.add("gone", 30, 0)
    read = one.next(5)
    assert read == Get("gone")
    assert one.next(5) == math.inf
    one.answered(Get("gone"), 6)
    one.missed("gone", 6)
    assert not one.in_trouble
    assert one.next(6) == pytest.approx(30)


def test_no_more_reads_at_a_time_than_allowed() -> None:
    one = poller()
    watch_all(one, names(100), 5)
    begun = [step for step in (one.next(10 + at) for at in range(50)) if not isinstance(step, float)]
    assert len(begun) == IN_FLIGHT
