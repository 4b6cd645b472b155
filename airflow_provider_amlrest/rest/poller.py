"""Which job to look at next, and when, for all who wait in one workspace with one identity. No I/O, no clock.

It answers one question, :meth:`Poller.next`, and is told what came of each read. Times are seconds on any
clock that only goes forward.

- **How often.** A job is looked at soon while it is young and when it is about to end, and seldom when it
  runs for long: a tenth of its age, but at most its ``poll_interval``. All intervals are shortened at
  random, so that jobs that were submitted together are not asked for together.
- **The cheapest reads.** A few due jobs are read one by one. Many are looked for in the job list, page by
  page from the newest: a *scan*. It ends when it has found what is due soon, or when it has read more pages
  in vain than it could save; the rest is read one by one. Thus it costs little more than the better of the
  two ways, whatever the size of a page, however deep the jobs lie and however many ended ones lie between.
- **The budget.** At most RATE reads per second, evenly spread. Resource Manager gives each principal a
  bucket of 250 reads, refilled by 25 per second, and says in each answer what is left: the emptier it is,
  the slower the poller, so that several pollers share a bucket fairly.
- **Bad weather.** After a 429 nothing is read for as long as the service asks. While reads fail, one at a
  time is tried, ever more seldom.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from airflow_provider_amlrest.rest.status import CANCEL_REQUESTED

RATE = 20.0
"""Reads per second at most, of one poller."""
YOUNG_RATE = 10.0
"""Reads per second that the short intervals of young jobs may cost."""
SHORT = 5.0
"""Seconds between two looks at a job that is young or about to end."""
IN_FLIGHT = 8
"""Reads at the same time."""
MAX_PAUSE = 120.0
"""Seconds that the service can make the poller wait by Retry-After."""
MAX_BACKOFF = 60.0
"""Seconds between two tries while the service does not answer."""
FEW = 4
"""Jobs that are read one by one, however they lie in the list."""
EXPLORE_EVERY = 10
"""Each so many scans, one looks deeper than the others, for the list has changed."""
FUTILE = 300.0
"""Seconds without a scan after one that saved nothing."""

_MOMENT = 1e-3
_TOO_DEEP = 10**9
_ABOUT_TO_END = frozenset({"Finalizing", CANCEL_REQUESTED})


class Get(NamedTuple):
    """Read one job."""

    name: str


class Page(NamedTuple):
    """Read the next page of the job list; None: the first."""

    link: str | None


Read = Get | Page


@dataclass
class _Watch:
    poll_interval: float
    since: float
    status: str
    due: float = math.inf
    users: int = 1
    in_flight: bool = False
    page: int | None = None
    """Where in the list it was found last; None: never looked for."""


@dataclass
class _Scan:
    soon: set[str]
    """What it was started for, and has not found yet."""
    patience: float
    """Pages in vain after which it gives up."""
    link: str | None = None
    pages: int = 0
    found: int = 0
    best: int = 0
    """The most reads that it had saved after any page."""
    in_flight: bool = False


@dataclass
class Poller:
    """See the module. :meth:`next` is asked whenever a read may begin, and again after what it says."""

    random: random.Random = field(default_factory=random.Random)
    _watches: dict[str, _Watch] = field(default_factory=dict)
    _queue: list[tuple[float, int, str]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _in_flight: int = 0
    _slot: float = -math.inf
    _pause: float = -math.inf
    _failures: int = 0
    _slowness: float = 1.0
    _most_left: int = 0
    _left: int | None = None
    _scan: _Scan | None = None
    _scans: int = 0
    _next_scan: float = -math.inf

    def __len__(self) -> int:
        return len(self._watches)

    @property
    def in_trouble(self) -> bool:
        """Whether the last read failed for a reason that concerns all."""
        return self._failures > 0

    @property
    def rate(self) -> float:
        """Reads per second now."""
        share = 1.0 if not self._most_left or self._left is None else self._left / self._most_left
        # Half of the bucket may be gone without hurry; of the last tenth nothing is for us.
        return RATE * self._slowness * min(1.0, max(0.02, (share - 0.1) / 0.4))

    def add(self, name: str, poll_interval: float, now: float, status: str = "") -> None:
        """Somebody waits for a job from now on."""
        watch = self._watches.get(name)
        if watch is not None:
            watch.users += 1
            watch.poll_interval = min(watch.poll_interval, poll_interval)
        else:
            watch = self._watches[name] = _Watch(poll_interval, now, status)
        self._put_off(name, watch, min(watch.due, now + self.random.uniform(0, min(SHORT, poll_interval))))

    def remove(self, name: str) -> None:
        """Somebody waits no longer."""
        watch = self._watches[name]
        watch.users -= 1
        if watch.users == 0:
            del self._watches[name]

    def next(self, now: float) -> Read | float:
        """The read to begin now; or the seconds after which to ask again, unless something happens before."""
        if self._in_flight >= (1 if self.in_trouble else IN_FLIGHT) or not self._watches:
            return math.inf
        wait = max(self._pause, self._slot) - now
        if wait > _MOMENT:
            return wait
        read = self._choose(now)
        if isinstance(read, float):
            return read
        self._in_flight += 1
        self._slot = max(self._slot, now - 1 / self.rate) + 1 / self.rate
        return read

    def seen(self, name: str, status: str, now: float) -> None:
        """A job was read, by itself or in the list."""
        watch = self._watches.get(name)
        if watch is not None:
            watch.status = status
            self._put_off(name, watch, now + self._interval(watch, now))

    def answered(self, read: Read, now: float, left: int | None = None) -> None:
        """A read went well. ``left``: what the service says is left of the quota of reads."""
        self._over(read)
        self._failures = 0
        self._slowness = min(1.0, self._slowness * 1.02)
        self._left = left
        self._most_left = max(self._most_left, left or 0)

    def listed(self, read: Page, names: Iterable[str], next_link: str | None, now: float) -> None:
        """Which jobs were on a page; to be told after :meth:`answered`."""
        scan = self._scan
        if scan is None or scan.link != read.link:
            return
        for name in self._watches.keys() & set(names):
            self._watches[name].page = scan.pages
            scan.found += name in scan.soon
            scan.soon.discard(name)
        scan.pages += 1
        scan.link = next_link
        saved = scan.found - scan.pages
        scan.best = max(scan.best, saved)
        if not scan.soon or next_link is None or scan.best - saved > scan.patience:
            self._end_scan(scan, now)

    def missed(self, name: str, now: float) -> None:
        """A job could not be read for a reason of its own: it is gone, or hidden."""
        watch = self._watches.get(name)
        if watch is not None:
            self._put_off(name, watch, now + watch.poll_interval)

    def failed(self, read: Read, now: float, retry_after: float | None = None, *, throttled: bool) -> None:
        """A read failed for a reason that concerns all."""
        self._over(read)
        self._scan = None
        self._failures += 1
        if throttled:
            self._slowness = max(0.1, self._slowness / 2)
        # Whoever wants to look every second does so in bad weather, too.
        longest = max((watch.poll_interval for watch in self._watches.values()), default=MAX_BACKOFF)
        pause = min(MAX_BACKOFF, longest, 2.0 ** min(self._failures - 1, 10)) * self.random.uniform(0.5, 1)
        if retry_after is not None:
            pause = max(pause, min(retry_after, MAX_PAUSE) * self.random.uniform(1.0, 1.2))
        self._pause = max(self._pause, now + pause)

    def _over(self, read: Read) -> None:
        self._in_flight -= 1
        if isinstance(read, Get):
            watch = self._watches.get(read.name)
            if watch is not None:
                watch.in_flight = False
                heapq.heappush(self._queue, (watch.due, next(self._numbers), read.name))
        elif self._scan is not None:
            self._scan.in_flight = False

    def _interval(self, watch: _Watch, now: float) -> float:
        short = max(SHORT, len(self._watches) / YOUNG_RATE)
        age = now - watch.since
        wanted = short if watch.status in _ABOUT_TO_END else max(short, age / 10)
        return min(wanted, watch.poll_interval) * self.random.uniform(0.8, 1.0)

    def _put_off(self, name: str, watch: _Watch, due: float) -> None:
        watch.due = due
        heapq.heappush(self._queue, (due, next(self._numbers), name))

    def _choose(self, now: float) -> Read | float:
        if self._scan is not None and not self._scan.in_flight:
            self._scan.in_flight = True
            return Page(self._scan.link)
        name = self._first_due()
        if name is None:
            return math.inf
        watch = self._watches[name]
        if watch.due > now + _MOMENT:
            return watch.due - now
        if self._scan is None and not self.in_trouble and self._begin_scan(now):
            return Page(None)
        scan = self._scan
        patience = watch.due + watch.poll_interval / 2 - now
        if scan is not None and name in scan.soon and patience > _MOMENT:
            return patience  # The scan may find it yet.
        heapq.heappop(self._queue)
        watch.in_flight = True
        if scan is not None:
            scan.soon.discard(name)
        return Get(name)

    def _first_due(self) -> str | None:
        """The job that is due first; of what was put off, the queue keeps stale entries."""
        while self._queue:
            due, _, name = self._queue[0]
            watch = self._watches.get(name)
            if watch is not None and watch.due == due and not watch.in_flight:
                return name
            heapq.heappop(self._queue)
        return None

    def _begin_scan(self, now: float) -> bool:
        if len(self._watches) <= FEW or now < self._next_scan:
            return False
        # To be asked for each job that is due would cost more than it brings.
        self._next_scan = now + 1
        soon = {
            name
            for name, watch in self._watches.items()
            if not watch.in_flight and watch.due - now <= watch.poll_interval / 2
        }
        places = [self._watches[name].page for name in soon]
        pages = sorted(page for page in places if page is not None)
        saved, drought = _promise(pages)
        explore = self._scans % EXPLORE_EVERY == 0
        unknown = len(soon) if explore else len(places) - len(pages)
        if max(saved, unknown) <= FEW:
            return False
        self._scans += 1
        self._scan = _Scan(soon, max(2.0, 1.2 * drought, unknown / 4), in_flight=True)
        return True

    def _end_scan(self, scan: _Scan, now: float) -> None:
        self._scan = None
        for name in scan.soon & self._watches.keys():
            self._watches[name].page = _TOO_DEEP
        if not scan.best:
            self._next_scan = now + FUTILE


def _promise(pages: list[int]) -> tuple[int, int]:
    """How many reads a scan saves that finds jobs on these pages, in their order; and the most pages that it
    reads in vain before."""
    best = lost = drought = 0
    for found, page in enumerate(pages):
        lost = max(lost, best - (found - page - 1))
        if found - page > best:
            best, drought = found - page, lost
    return best, drought
