"""Which job is read next, when, and how: the decisions of all who wait in a process, without I/O.

A poller is told who waits, what time it is, what was answered and what failed; it says which read comes
next. It chooses between a GET of one job and a page of the job list. The list is newest first, with the
jobs that have ended between, its pages are of a size that nobody states, and each page names the next, so
that it can be read only from its top: a *scan*. What a scan found, and on which page, says what the next one
is worth. docs/polling.md has the rules and the figures.
"""

from __future__ import annotations

import heapq
import logging
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from math import inf
from random import Random
from typing import NamedTuple

from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.http.paging import Pages
from airflow_provider_amlrest.rest.jobs.status import CANCEL_REQUESTED, Outcome, classify
from airflow_provider_amlrest.rest.resources.resource import Resource

log = logging.getLogger(__name__)

MAX_RATE = 20.0
"""Reads per second at most: below the 25 at which Resource Manager refills the bucket of a principal."""
BUCKET = 250
"""Reads that Resource Manager's bucket holds when it is full; more, where an answer says more remain."""
MIN_SHARE = 0.02
"""Of MAX_RATE: what is left of it when the bucket is empty."""
SHORT_INTERVAL = 5.0
"""Seconds between two reads of a job that is young or about to end, if ``poll_interval`` is not less."""
INTERVALS_PER_AGE = 10
"""A job that has been active for ten minutes is read once a minute."""
JITTER = 0.1
"""By this share of itself at most an interval is shorter than it might be."""
FEW_JOBS = 4
"""Fewer jobs than this are not worth a page."""
PATIENCE = 4
"""A scan gives up when it has lost a read for each four that it could still save."""
EXPLORE_INTERVALS = 10
"""Jobs that a scan went too deep for are looked for again after so many intervals."""
SCAN_GRACE = 5.0
"""Seconds by which a job may be late because a scan is on its way to it."""
MAX_SPREAD = 0.25
"""By this share of an interval at most the pages of a scan are spread."""
PAGES_IN_A_ROW = 7
"""A scan leaves at least each eighth read to those who are late."""
CONCURRENT_READS = 32
MAX_RETRY_AFTER = 120.0
MAX_BACKOFF = 60.0
CALM_AFTER = 120.0
"""Seconds in which the rate grows from nothing to all again, after 429 or an outage."""
LIST_REFUSED = 600.0
"""Seconds for which a refused list is not asked for again."""

ENDING = frozenset({"Finalizing", CANCEL_REQUESTED})


class ReadJob(NamedTuple):
    """GET one job."""

    name: str


class ReadPage(NamedTuple):
    """GET a page of the job list: the first, or the one behind a ``nextLink``."""

    link: str | None


Read = ReadJob | ReadPage


def is_job(name: str) -> bool:
    """Whether a job is read by this name; the path of another resource, ``computes/gpu``, has a slash."""
    return "/" not in name


class Failure(Enum):
    """Why a read failed."""

    THROTTLED = auto()
    """429."""
    OUTAGE = auto()
    """No answer, or 5xx: it would happen to every read."""
    NOT_SIGNED_IN = auto()
    """401, or no token: it would happen to every read, too, but those who wait have less patience for it."""
    REFUSED = auto()
    """It has to do with what was asked for: 403, 404, 400."""


def _has_ended(name: str, status: str) -> bool:
    return classify(status) is not Outcome.ACTIVE if is_job(name) else not Resource(name, status).is_active


@dataclass(eq=False)
class _Job:
    name: str
    poll_interval: float
    status: str
    since: float
    due: float = inf
    interval: float = 0.0
    asked: bool = False
    over: bool = False
    """An answer has said that it has ended."""
    failures: int = 0
    told: Failure | None = None
    """What those who wait for it were told last of reads that fail; None: there was news since."""
    page: float | None = None
    """Where the last scan saw it; None: none has looked for it, inf: it lies deeper than one went."""


@dataclass(eq=False)
class _Scan:
    wanted: set[str]
    cut: int
    """The last page that is worth reading as far as is known; -1: nothing is known."""
    exploring: bool
    gap: float
    """Seconds between two pages at least."""
    link: str | None = None
    way: Pages = field(default_factory=lambda: Pages("GET jobs"))
    asked: bool = False
    started: float = 0.0
    next_at: float = 0.0
    pages: int = 0
    found: int = 0
    best: int = 0
    """The highest of ``found - pages`` so far."""

    def is_over(self) -> bool:
        """Whether another page would cost more than it promises."""
        if not self.wanted:
            return True
        patience = len(self.wanted) / PATIENCE
        if not self.exploring:
            # New jobs move the others down.
            patience = min(patience, 1 + self.cut / 8)
        return self.pages > self.cut and self.best - (self.found - self.pages) >= patience


@dataclass
class _Pace:
    """How fast reads may follow each other."""

    random: Random
    open_at: float = 0.0
    """No read starts earlier."""
    failures: int = 0
    """In a row, of the kinds that concern every read."""
    _remaining: float = BUCKET
    _largest: float = BUCKET
    _caution: float = 1.0
    _cautious_at: float = 0.0
    _failed_at: float = field(default=-inf)

    def rate(self, now: float) -> float:
        """Reads per second."""
        calm = min(1.0, self._caution + (now - self._cautious_at) / CALM_AFTER)
        return MAX_RATE * max(MIN_SHARE, calm * self._remaining / self._largest)

    def spend(self, now: float) -> None:
        self.open_at = max(self.open_at, now) + 1 / self.rate(now)

    def succeeded(self, now: float, remaining: int | None) -> None:
        if remaining is not None:
            self._remaining, self._largest = remaining, max(self._largest, remaining)
        if self.failures:
            self.failures = 0
            self._be_careful(now, 0.25)

    def failed(
        self, started: float, now: float, retry_after: float | None, longest: float, *, throttled: bool
    ) -> None:
        """One of the failures that concern every read. What was on its way with it counts as one.

        :param longest: seconds of a pause that those who wait allow, in bad weather, too.
        """
        if started <= self._failed_at:
            return
        self._failed_at = now
        self.failures += 1
        if throttled:
            self._be_careful(now, 0.5)
        backoff = min(MAX_BACKOFF, longest, 2.0 ** min(self.failures, 6)) * self.random.uniform(0.5, 1)
        told = min(retry_after or 0, MAX_RETRY_AFTER) * self.random.uniform(1, 1.25)
        self.open_at = max(self.open_at, now + max(backoff, told))

    def _be_careful(self, now: float, share: float) -> None:
        calm = min(1.0, self._caution + (now - self._cautious_at) / CALM_AFTER)
        self._caution, self._cautious_at = calm * share, now


class Poller:
    """The decisions for one workspace and identity. Times are seconds on any clock that only goes forward.

    Ask :meth:`next` after every call of another method, and when the time that it named has come.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._jobs: dict[str, _Job] = {}
        self._queue: list[tuple[float, str]] = []
        """When who is due; entries that are no longer true stay until they come up."""
        self._pace = _Pace(random)
        self._started: dict[Read, float] = {}
        self._scan: _Scan | None = None
        self._page_seconds = 0.0
        self._pages_in_a_row = 0
        self._plan_at = 0.0
        self._explore_at = 0.0

    def add(self, name: str, now: float, *, poll_interval: float, status: str = "", age: float = 0.0) -> None:
        """Somebody waits for this job. The shortest ``poll_interval`` of those who wait for a job counts.

        :param poll_interval: seconds between two reads of it at most.
        :param status: the last one that is known; what is said here is never taken for the job's end. Where
            none is, the job is read at once, else at random within its interval.
        :param age: seconds since it was submitted.
        """
        job = self._jobs.get(name)
        if job is None:
            job = self._jobs[name] = _Job(name, poll_interval, status, now - age)
        job.poll_interval = min(job.poll_interval, poll_interval)
        job.interval = self._interval(job, now)
        pause = job.interval * self._random.random() if status else 0.0
        self._schedule(job, min(job.due, now + pause))

    def remove(self, name: str) -> None:
        """Nobody waits for this job any more."""
        self._jobs.pop(name, None)
        if self._scan:
            self._scan.wanted.discard(name)

    @property
    def bad_weather(self) -> bool:
        """Whether reads have failed one after the other, for reasons that concern all of them."""
        return self._pace.failures > 1

    def next(self, now: float) -> Read | float:
        """The read to start now, or for how many seconds there is none unless something else happens."""
        if not self._jobs:
            self._scan = None
            return inf
        if len(self._started) >= (1 if self._pace.failures else CONCURRENT_READS):
            return inf
        if now < self._pace.open_at:
            return self._pace.open_at - now
        if self._pace.failures:
            # One read, of whoever is due next, finds out whether the service is back.
            job = self._first_due()
            return inf if job is None else self._start(ReadJob(job.name), now)
        job = self._first_due()
        if job is not None and job.due <= now:
            self._plan(now)
        return self._choose(job, now)

    def _choose(self, job: _Job | None, now: float) -> Read | float:
        scan = self._scan
        at = inf if job is None else job.due + (SCAN_GRACE if scan else 0.0)
        if scan and not scan.asked:
            late = at <= now and self._pages_in_a_row >= PAGES_IN_A_ROW
            if now >= scan.next_at and not late:
                return self._start(ReadPage(scan.link), now)
            at = min(at, max(scan.next_at, now))
        if job is not None and at <= now:
            return self._start(ReadJob(job.name), now)
        return at - now

    def _start(self, read: Read, now: float) -> Read:
        self._started[read] = now
        self._pace.spend(now)
        if isinstance(read, ReadJob):
            self._jobs[read.name].asked = True
            self._pages_in_a_row = 0
        elif self._scan:
            self._scan.asked, self._scan.next_at = True, now + self._scan.gap
            self._pages_in_a_row += 1
        return read

    # answers

    def answered(
        self,
        read: Read,
        now: float,
        jobs: Iterable[tuple[str, str]],
        *,
        next_link: str | None = None,
        remaining: int | None = None,
    ) -> list[str]:
        """A read has succeeded. Whose news it brings: not those of whom more is known than it says.

        :param jobs: name and status of each job in the answer.
        :param remaining: reads that remain in the bucket, if the answer says so.
        """
        started = self._started.pop(read, now)
        self._pace.succeeded(now, remaining)
        told = []
        for name, status in jobs:
            job = self._jobs.get(name)
            if job is None:
                continue
            if isinstance(read, ReadPage) and self._scan:
                self._found(self._scan, job)
            if self._is_news(job, status, now):
                told.append(name)
        if isinstance(read, ReadJob):
            self._forget(read.name)
        elif self._scan:
            self._page_seconds += ((now - started) - self._page_seconds) / 4
            self._turn_page(self._scan, next_link, now)
        return told

    def _is_news(self, job: _Job, status: str, now: float) -> bool:
        """Take a status over, unless the list, which lags behind, shows what was before the end."""
        ended = _has_ended(job.name, status)
        if job.over and not ended:
            return False
        job.status, job.over, job.failures, job.told = status, ended, 0, None
        self._schedule(job, inf if ended else self._next_due(job, now))
        return True

    def _found(self, scan: _Scan, job: _Job) -> None:
        job.page = scan.pages
        if job.name in scan.wanted:
            scan.wanted.discard(job.name)
            scan.found += 1

    def _turn_page(self, scan: _Scan, next_link: str | None, now: float) -> None:
        scan.pages += 1
        scan.best = max(scan.best, scan.found - scan.pages)
        try:
            scan.link, scan.asked = scan.way.after(next_link), False
        except AzureMLError as error:
            log.warning("The jobs are read one by one for %g minutes. %s", LIST_REFUSED / 60, error)
            self._end_scan(now)
            self._plan_at = now + LIST_REFUSED
            return
        if scan.link is None or scan.is_over():
            self._end_scan(now)

    def _end_scan(self, now: float) -> None:
        scan, self._scan = self._scan, None
        for name in scan.wanted if scan else ():
            if name in self._jobs:
                self._jobs[name].page = inf
        # What it has not found is read at once.
        self._plan_at = now + 1.0

    def failed(self, read: Read, now: float, failure: Failure, retry_after: float | None = None) -> list[str]:
        """A read has failed. Who is to be told.

        The job's own wait, if it is refused, or if it alone fails again and again; all when a second read
        fails for a reason that concerns all, and when that becomes another one; otherwise nobody.

        :param retry_after: seconds that the service asks for.
        """
        started = self._started.pop(read, now)
        before = self.bad_weather
        if failure is not Failure.REFUSED:
            throttled = failure is Failure.THROTTLED
            longest = max((job.poll_interval for job in self._jobs.values()), default=MAX_BACKOFF)
            self._pace.failed(started, now, retry_after, longest, throttled=throttled)
        own = None
        if isinstance(read, ReadJob):
            own = self._failed_job(read, now)
        else:
            self._failed_page(now, failure)
        told = Failure.OUTAGE if failure is Failure.THROTTLED else failure
        whom: list[_Job] = []
        if self.bad_weather and failure is not Failure.REFUSED:
            whom = [job for job in self._jobs.values() if not job.over and job.told is not told]
        elif own is not None and (failure is Failure.REFUSED or (own.failures > 1 and not before)):
            whom = [own]
        for job in whom:
            job.told = told
        return [job.name for job in whom]

    def _failed_page(self, now: float, failure: Failure) -> None:
        if self._scan and failure is Failure.THROTTLED:
            self._scan.asked = False
        else:
            self._scan = None
            self._plan_at = now + (LIST_REFUSED if failure is Failure.REFUSED else MAX_BACKOFF)

    def _failed_job(self, read: ReadJob, now: float) -> _Job | None:
        job = self._jobs.get(read.name)
        self._forget(read.name)
        if job is not None:
            job.failures += 1
            self._schedule(job, self._next_due(job, now))
        return job

    # when

    def _interval(self, job: _Job, now: float) -> float:
        by_age = 0.0 if job.status in ENDING else (now - job.since) / INTERVALS_PER_AGE
        return min(job.poll_interval, max(SHORT_INTERVAL, by_age))

    def _next_due(self, job: _Job, now: float) -> float:
        job.interval = self._interval(job, now)
        return now + job.interval * self._random.uniform(1 - JITTER, 1)

    def _schedule(self, job: _Job, due: float) -> None:
        job.due = due
        if due < inf:
            heapq.heappush(self._queue, (due, job.name))

    def _forget(self, name: str) -> None:
        """A job's own read is over."""
        job = self._jobs.get(name)
        if job is not None:
            job.asked = False
            self._schedule(job, job.due)
        if self._scan:
            self._scan.wanted.discard(name)

    def _first_due(self) -> _Job | None:
        while self._queue:
            due, name = self._queue[0]
            job = self._jobs.get(name)
            if job is not None and job.due == due and not job.asked:
                return job
            heapq.heappop(self._queue)
        return None

    # how

    def _plan(self, now: float) -> None:
        """Start a scan if it promises fewer reads than one for each job that is due soon."""
        if self._scan or now < self._plan_at or any(isinstance(read, ReadPage) for read in self._started):
            return
        self._plan_at = now + 1.0
        listed = (job for job in self._jobs.values() if is_job(job.name))
        soon = [job for job in listed if not job.asked and job.due - now <= job.interval / 2]
        if len(soon) < FEW_JOBS:
            return
        interval = max(job.interval for job in soon)
        cut = self._worth(soon, self._reach(len(soon), interval, now))
        unknown = [job for job in soon if job.page is None or (job.page == inf and now >= self._explore_at)]
        exploring = len(unknown) >= FEW_JOBS
        if cut < 0 and not exploring:
            return
        if any(job.page == inf for job in unknown):
            self._explore_at = now + EXPLORE_INTERVALS * interval
        deepest = sys.maxsize if exploring else cut
        known = [job for job in soon if job.page is not None and job.page <= deepest]
        gap = 0.0
        if not exploring:
            # No page earlier than needed; but jobs that come to be read together stay together.
            spread = min(max(job.due for job in known) - now, interval * MAX_SPREAD)
            gap = max(0.0, spread / (cut + 1))
        self._scan = _Scan({job.name for job in unknown + known}, cut, exploring, gap)

    def _reach(self, soon: int, interval: float, now: float) -> float:
        """Pages that fit into an interval one after the other; no limit where GETs do not fit either."""
        rate = self._pace.rate(now)
        return interval / max(self._page_seconds, 1 / rate) if soon / rate < interval else inf

    def _worth(self, soon: list[_Job], reach: float) -> int:
        """The page to which a scan saves most, by what the last ones found; -1: it saves nothing."""
        pages = sorted(int(job.page) for job in soon if job.page is not None and job.page < reach)
        cut, most = -1, 0
        for count, page in enumerate(pages, 1):
            if count - (page + 1) > most:
                cut, most = page, count - (page + 1)
        return cut
