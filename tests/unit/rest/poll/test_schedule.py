"""The decisions of the poller, on a virtual clock: nothing sleeps, nothing is sent."""

from __future__ import annotations

import itertools
from random import Random

import pytest

from airflow_provider_amlrest.rest.poll.schedule import MAX_RATE, Failure, Poller, Read, ReadJob, ReadPage
from tests.unit.rest.simulated_service import Service, World


def many(count: int, service: Service, *, above: int = 0, between: int = 0, **watching: float) -> World:
    """So many jobs that are waited for, with others between them and newer ones above them."""
    world = World(service)
    for number in range(count):
        for other in range(between):
            service.add(f"other-{number}-{other}", ends=-1)
        service.add(f"job-{number}")
        world.watch(f"job-{number}", **watching)
    for number in range(above):
        service.add(f"newer-{number}", ends=-1)
    return world


# one job, few jobs


def test_a_few_jobs_are_read_by_name() -> None:
    world = many(3, Service())
    world.run(600)
    assert world.reader.pages() == 0
    assert 30 <= world.reader.gets() <= 3 * (600 / 54 + 1)


def test_a_young_job_is_read_often_and_an_old_one_at_its_interval() -> None:
    world = many(1, Service(), age=0.0)
    world.run(3600)
    gaps = world.gaps("job-0")
    assert max(gaps[:5]) <= 5.1
    assert 27 <= max(gaps[:60]) <= 60
    assert 54 <= min(gaps[-10:]) <= max(gaps[-10:]) <= 60.1


def test_an_interval_below_five_seconds_is_kept_as_it_is() -> None:
    world = many(1, Service(latency=0), poll_interval=0.5)
    world.run(10)
    assert max(world.gaps("job-0")) <= 0.5 + 1 / MAX_RATE


@pytest.mark.parametrize("status", ["Finalizing", "CancelRequested"])
def test_a_job_that_is_about_to_end_is_read_often(status: str) -> None:
    poller = Poller(Random(1))
    poller.add("job", 0, poll_interval=60, status="Running", age=1e6)
    now = wait(poller, 0)
    poller.answered(ReadJob("job"), now, [("job", status)])
    assert 4.5 <= wait(poller, now) - now <= 5


def start(poller: Poller, now: float) -> tuple[Read, float]:
    """The next read, and when it starts."""
    while isinstance(step := poller.next(now), float):
        now += max(step, 1e-6)
    return step, now


def wait(poller: Poller, now: float) -> float:
    """When the next read starts."""
    return start(poller, now)[1]


def test_two_pollers_that_start_together_do_not_read_together() -> None:
    world = World(Service(), readers=2)
    world.service.add("job")
    for reader in range(2):
        world.watch("job", reader)
    world.run(600)
    first, second = ([at for at, _ in reader.reads] for reader in world.readers)
    assert min(abs(a - b) for a in first for b in second) > 0.05


def test_the_shortest_interval_of_those_who_wait_for_a_job_counts() -> None:
    world = many(1, Service(latency=0))
    world.watch("job-0", poll_interval=1)
    world.run(30)
    assert max(world.gaps("job-0")) <= 1 + 1 / MAX_RATE


def test_nothing_is_read_when_nobody_waits() -> None:
    world = many(30, Service())
    world.run(100)
    for number in range(30):
        world.reader.poller.remove(f"job-{number}")
    world.run(101)
    before = len(world.reader.reads)
    world.run(1000)
    assert len(world.reader.reads) == before


def test_a_job_that_has_ended_is_not_read_again_and_stays_ended() -> None:
    poller = Poller(Random(1))
    poller.add("job", 0, poll_interval=1)
    now = wait(poller, 0)
    assert poller.answered(ReadJob("job"), now, [("job", "Completed")]) == ["job"]
    assert poller.next(now + 1) == float("inf")
    assert poller.answered(ReadPage(None), now + 2, [("job", "Running")]) == []
    assert poller.next(now + 3) == float("inf")


# the list


@pytest.mark.parametrize("page_size", [20, 100])
def test_many_jobs_are_read_by_pages_of_the_list(page_size: int) -> None:
    world = many(1000, Service(page_size=page_size), between=1)
    world.run(1800)
    by_name = 1000 * 1800 / 60
    assert len(world.reader.reads) < by_name / (page_size / 2) * 1.6
    assert max(max(world.gaps(f"job-{number}")) for number in range(1000)) < 70


def test_jobs_that_lie_too_deep_are_read_by_name_and_cost_little_more() -> None:
    world = many(400, Service(), above=20_000)
    world.run(3600)
    by_name = 400 * (3600 / 54)
    assert world.reader.pages() <= world.reader.gets() / 4
    assert len(world.reader.reads) <= by_name * 1.25
    assert max(max(world.gaps(f"job-{number}")) for number in range(400)) < 80


def test_what_lies_deep_is_read_by_name_while_the_rest_is_found_in_the_list() -> None:
    service = Service()
    world = many(100, service, above=5_000)
    for number in range(200):
        service.add(f"young-{number}")
        world.watch(f"young-{number}")
    world.run(3600)
    rounds = 3600 / 54
    assert len(world.reader.reads) <= rounds * (100 + 10) * 1.25


def test_the_list_is_tried_again_when_it_has_changed() -> None:
    world = many(200, Service(), above=3_000)
    world.run(900)
    for number in range(3_000):
        del world.service.ends[f"newer-{number}"]
    world.run(2400)
    before = len(world.reader.reads)
    world.run(3600)
    assert len(world.reader.reads) - before <= 1200 / 54 * 10 * 2


def test_jobs_that_the_list_does_not_show_yet_are_read_by_name() -> None:
    world = World(Service(lag=60))
    for number in range(50):
        world.service.add(f"job-{number}", created=0.0, ends=20.0)
        world.watch(f"job-{number}", age=0.0)
    world.run(40)
    assert len(world.delays()) == 50
    assert max(world.delays()) < 12


def test_news_that_a_lagging_list_takes_back_are_none() -> None:
    world = World(Service(lag=30))
    for number in range(100):
        world.service.add(f"job-{number}", ends=100.0 + number)
        world.watch(f"job-{number}", poll_interval=20)
    world.run(400)
    for looks in world.reader.seen.values():
        assert [status for _, status in looks].index("Completed") == len(looks) - 1


def test_a_list_that_is_refused_is_left_alone() -> None:
    poller = Poller(Random(1))
    for number in range(50):
        poller.add(f"job-{number}", 0, poll_interval=1)
    now, pages = 0.0, 0
    while now < 300:
        step = poller.next(now)
        if isinstance(step, ReadPage):
            pages += 1
            assert poller.failed(step, now, Failure.REFUSED) == []
        elif isinstance(step, ReadJob):
            poller.answered(step, now, [(step.name, "Running")])
        else:
            now += step
    assert pages == 1


def test_a_slow_list_does_not_hold_up_those_who_can_be_read_by_name() -> None:
    world = many(600, Service(latency=2.0))
    world.run(900)
    assert max(max(world.gaps(f"job-{number}")) for number in range(600)) < 90


# ten thousand


@pytest.mark.parametrize(("page_size", "above"), [(20, 0), (100, 0), (20, 5_000), (100, 20_000)])
def test_ten_thousand_jobs_are_waited_for_within_the_bucket(page_size: int, above: int) -> None:
    service = Service(page_size=page_size)
    world = many(10_000, service, above=above)
    random = Random(7)
    for number in range(10_000):
        service.ends[f"job-{number}"] = random.uniform(60, 500)
    world.run(700)
    assert len(world.delays()) == 10_000
    assert world.reader.throttled == 0
    assert max(world.reader.rate(start, start + 10) for start in range(0, 700, 10)) <= MAX_RATE + 0.2
    assert world.p99() <= 120


# the budget


@pytest.mark.parametrize("count", [1, 3, 8])
def test_pollers_share_a_bucket(count: int) -> None:
    """Each has more to read than there is: without a word to each other they take equal parts."""
    world = World(Service(), readers=count)
    for reader in range(count):
        for number in range(2_000):
            world.service.add(f"{reader}-{number}")
            world.watch(f"{reader}-{number}", reader, poll_interval=5)
    world.service.page = lambda link, now: ([], None)  # type: ignore[method-assign]
    world.run(300)
    rates = [reader.rate(100, 300) for reader in world.readers]
    assert sum(reader.throttled for reader in world.readers) == 0
    assert min(rates) > 0.8 * max(rates)
    assert 0.85 * min(20 * count, 25) <= sum(rates) <= 25.5


def test_after_429_nothing_is_read_for_as_long_as_the_service_says_and_then_slowly() -> None:
    poller = Poller(Random(1))
    for number in range(1000):
        poller.add(f"job-{number}", 0, poll_interval=1)
    read, now = start(poller, 10)
    poller.failed(read, now, Failure.THROTTLED, 30)
    resumed = wait(poller, now + 0.01)
    assert now + 30 <= resumed <= now + 30 * 1.25


def test_a_retry_after_of_an_hour_is_not_obeyed() -> None:
    poller = Poller(Random(1))
    poller.add("job", 0, poll_interval=1)
    now = wait(poller, 0)
    assert poller.failed(ReadJob("job"), now, Failure.THROTTLED, 3600) == []
    assert 120 <= wait(poller, now) - now <= 150


def test_the_rate_is_halved_by_429_and_comes_back() -> None:
    world = many(5_000, Service(), poll_interval=5)
    world.service.page = lambda link, now: ([], None)  # type: ignore[method-assign]
    world.run(100)
    full = world.reader.rate(50, 100)
    world.service.level = -100.0
    world.run(101)
    assert world.reader.throttled >= 1
    world.service.level = 250.0
    world.run(300)
    assert world.reader.rate(105, 115) < 0.7 * full
    assert world.reader.rate(250, 300) > 0.95 * full


# bad weather


def test_an_outage_is_told_once_and_probed_by_one_read_at_a_time() -> None:
    world = many(200, Service(), poll_interval=60)
    world.service.down = lambda now: 100 <= now < 700
    world.run(700)
    during = [at for at, _ in world.reader.reads if 110 <= at < 700]
    assert len(during) <= 25
    assert max(b - a for a, b in itertools.pairwise(during)) <= 61
    names = [name for _, name in world.reader.errors]
    assert sorted(names) == sorted(f"job-{number}" for number in range(200))
    world.run(900)
    assert all(looks[-1][0] > 760 for looks in world.reader.seen.values())
    assert len(world.reader.errors) == 200


def test_who_is_refused_in_an_outage_is_told_that_it_goes_on() -> None:
    poller, now = Poller(Random(1)), 0.0
    poller.add("job", now, poll_interval=10)
    told = []
    for failure in (Failure.OUTAGE, Failure.OUTAGE, Failure.REFUSED, Failure.OUTAGE, Failure.OUTAGE):
        while isinstance(step := poller.next(now), float):
            now += step
        told.append(poller.failed(step, now, failure))
    assert told == [[], ["job"], ["job"], ["job"], []]


def test_one_failed_read_is_told_to_nobody() -> None:
    world = many(5, Service(), poll_interval=10)
    world.service.down = lambda now: 100 <= now < 101.5
    world.run(300)
    assert world.reader.errors == []


def test_a_job_that_cannot_be_read_is_told_alone_and_holds_up_nobody() -> None:
    world = many(3, Service(broken=frozenset({"job-1"})), poll_interval=10)
    world.run(300)
    assert {name for _, name in world.reader.errors} == {"job-1"}
    assert max(world.gaps("job-0")) < 16


def test_a_job_that_is_refused_is_told_each_time() -> None:
    world = World(Service())
    world.watch("gone", poll_interval=10)
    world.run(100)
    assert len(world.reader.errors) == world.reader.gets() >= 9


def test_what_nothing_is_known_of_is_read_at_once() -> None:
    poller = Poller(Random(1))
    poller.add("known", 0, poll_interval=60, status="Running", age=1e6)
    assert isinstance(poller.next(0), float)
    poller.add("unknown", 0, poll_interval=60, age=1e6)
    assert poller.next(0) == ReadJob("unknown")
