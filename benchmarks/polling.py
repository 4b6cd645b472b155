"""Waiting for thousands of jobs in one process, beside the plain way in which each wait polls its own job.

``python -m benchmarks.polling`` starts the emulator (simulated jobs, a bucket of 250 reads refilled by 25 per
second), submits jobs that end at random times, and waits for all of them; a process of its own for each way.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import psutil

from airflow_provider_amlrest.emulator.testing import EmulatedWorkspace, EmulatorProcess
from airflow_provider_amlrest.rest import AsyncAzureMLClient, WorkspaceId
from airflow_provider_amlrest.rest.http.cloud import custom_cloud
from airflow_provider_amlrest.rest.http.credentials import ClientSecret, async_credential
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.jobs.command import CommandJob
from airflow_provider_amlrest.rest.poll.shared import shared_watcher

INTERVAL = 60.0
BUCKET = {"reads": [250, 25]}
WRITERS = 24


@dataclass
class Case:
    """What is waited for, and how."""

    way: str
    jobs: int
    page_size: int
    above: int
    """Jobs that have ended, above all others in the list."""

    @property
    def title(self) -> str:
        deep = f", {self.above:,} ended ones above" if self.above else ""
        return f"{self.jobs:,} jobs, pages of {self.page_size}{deep}"


@asynccontextmanager
async def client_of(facts: dict[str, Any]) -> Any:
    cloud = custom_cloud(facts["arm_endpoint"], facts["authority_host"]).trusting(facts["ca_bundle"], None)
    identity = ClientSecret(facts["tenant_id"], facts["client_id"], facts["client_secret"])
    workspace = WorkspaceId(facts["subscription_id"], facts["resource_group"], facts["workspace_name"])

    def make() -> tuple[Any, AsyncAzureMLClient]:
        credential = async_credential(identity, cloud)
        return credential, AsyncAzureMLClient(credential, workspace, cloud=cloud)

    # In a thread, as the hook does it.
    credential, client = await asyncio.to_thread(make)
    async with credential, client:
        yield client


async def start(wait: Callable[[str], Coroutine[Any, Any, None]], names: list[str]) -> None:
    """Wait for all, one begun after the other, as a triggerer begins them."""
    async with asyncio.TaskGroup() as waits:
        for name in names:
            waits.create_task(wait(name))
            await asyncio.sleep(0)


async def submit(facts: dict[str, Any], case: Case, spread: float) -> list[str]:
    """Submit the jobs; those that are waited for end ``spread`` seconds after the last one was submitted."""
    chance = random.Random(7)
    names = [f"job-{number}" for number in range(case.jobs)]
    work = [(name, str(chance.uniform(0.2, 1) * spread)) for name in names]
    work += [(f"above-{number}", "0") for number in range(case.above)]
    queue = iter(work)
    async with client_of(facts) as client:

        async def write() -> None:
            for name, seconds in queue:
                tags = {"emulator.seconds": seconds}
                job = CommandJob(
                    command="true", environment="azureml:AzureML-any:1", compute="cpu-cluster", tags=tags
                )
                await client.create_job(name, job)

        await asyncio.gather(*(write() for _ in range(WRITERS)))
    return names


async def wait_together(facts: dict[str, Any], names: list[str], noticed: dict[str, float]) -> None:
    """As our triggers do."""

    async def wait(name: str) -> None:
        async with shared_watcher("benchmark", lambda: client_of(facts)) as watcher:
            watch = watcher.watch(name, poll_interval=INTERVAL, status="Queued")
            try:
                while True:
                    look = await watch.next(None)
                    if look and look.job and look.job.outcome != "active":
                        noticed[name] = time.time()
                        return
            finally:
                watch.close()

    await start(wait, names)


async def wait_each(facts: dict[str, Any], names: list[str], noticed: dict[str, float]) -> None:
    """Each its own job, once per interval, from a random moment on; a refused read is repeated as told."""
    async with client_of(facts) as client:

        async def wait(name: str) -> None:
            await asyncio.sleep(random.uniform(0, INTERVAL))
            while True:
                try:
                    job = (await client.poll_job(name)).jobs[0]
                except AzureMLError as error:
                    await asyncio.sleep(getattr(error, "retry_after", None) or 1.0)
                    continue
                if job.outcome != "active":
                    noticed[name] = time.time()
                    return
                await asyncio.sleep(INTERVAL)

        await start(wait, names)


WAYS: dict[str, Callable[[dict[str, Any], list[str], dict[str, float]], Awaitable[None]]] = {
    "shared": wait_together,
    "plain": wait_each,
}


@dataclass
class Watchdog:
    """How long the loop stood still at the most, and what memory it took.

    ``block`` is the time on the clock, with what other processes of the machine took of it. ``work`` and
    ``collection`` are the processor's: for what the loop did, and for Python's garbage collections, which
    look at all objects of the process.
    """

    block: float = 0.0
    work: float = 0.0
    collection: float = 0.0
    memory: int = 0
    _collected: float = 0.0
    _began: float = 0.0

    def collects(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.thread_time()
        else:
            took = time.thread_time() - self._began
            self._collected += took
            self.collection = max(self.collection, took)

    async def run(self) -> None:
        process = psutil.Process()
        before = process.memory_info().rss
        gc.callbacks.append(self.collects)
        try:
            while True:
                began, worked = time.perf_counter(), time.thread_time() - self._collected
                await asyncio.sleep(0.01)
                self.block = max(self.block, time.perf_counter() - began - 0.01)
                self.work = max(self.work, time.thread_time() - self._collected - worked)
                self.memory = max(self.memory, process.memory_info().rss - before)
        finally:
            gc.callbacks.remove(self.collects)


async def measure(facts: dict[str, Any], case: Case, names: list[str]) -> dict[str, Any]:
    noticed: dict[str, float] = {}
    watchdog = Watchdog()
    watching = asyncio.create_task(watchdog.run())
    cpu, began = time.process_time(), time.time()
    await WAYS[case.way](facts, names, noticed)
    watching.cancel()
    return {
        "noticed": noticed,
        "seconds": time.time() - began,
        "cpu": time.process_time() - cpu,
        "block": watchdog.block,
        "work": watchdog.work,
        "collection": watchdog.collection,
        "memory": watchdog.memory / 2**20,
    }


def run(case: Case, spread: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        emulator = EmulatorProcess(Path(folder))
        try:
            names = asyncio.run(submit(emulator.facts, case, spread))
            emulator.admin("PATCH", "settings", {"page_size": case.page_size, "rate_limit": BUCKET})
            workspace = EmulatedWorkspace(emulator, lambda name, value: None)
            before = len(workspace.requests("GET", "/jobs"))
            asked = json.dumps({"facts": emulator.facts, "case": asdict(case), "names": names})
            child = subprocess.run(
                [sys.executable, "-m", "benchmarks.polling", "--child"],
                input=asked, capture_output=True, text=True, check=True,
            )  # fmt: skip
            figures = json.loads(child.stdout)
            ends = {job["name"]: job["ended_at"] for job in emulator.admin("GET", "jobs")["value"]}
            statuses = [request.status for request in workspace.requests("GET", "/jobs")[before:]]
        finally:
            emulator.stop()
    lags = [
        max(0.0, at - datetime.fromisoformat(ends[name]).timestamp())
        for name, at in figures["noticed"].items()
    ]
    figures |= {
        "reads": len(statuses) / figures["seconds"],
        "throttled": statuses.count(429),
        "p50": median(lags),
        "p99": quantiles(lags, n=100)[98],
    }
    return figures


def show(case: Case, f: dict[str, Any]) -> str:
    return (
        f"| {case.title} | {case.way} | {f['reads']:.1f} | {f['throttled']:,} | {f['p50']:.0f} "
        f"| {f['p99']:.0f} | {1000 * f['block']:.0f} | {1000 * f['work']:.0f} | {1000 * f['collection']:.0f} "
        f"| {f['cpu']:.0f} | {f['memory']:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1000])
    parser.add_argument("--pages", type=int, nargs="+", default=[20])
    parser.add_argument("--above", type=int, nargs="+", default=[0], help="ended jobs above the others")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--spread", type=float, default=240.0, help="seconds over which the jobs end")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        asked = json.load(sys.stdin)
        print(json.dumps(asyncio.run(measure(asked["facts"], Case(**asked["case"]), asked["names"]))))
        return
    print(
        "| waited for | way | reads/s | 429s | p50 s | p99 s | longest block ms | longest work ms "
        "| longest collection ms | CPU s | memory MB |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for jobs in options.jobs:
        for pages in options.pages:
            for above in options.above:
                for way in options.ways if pages == options.pages[0] else ["shared"]:
                    case = Case(way, jobs, pages, above)
                    print(show(case, run(case, options.spread)), flush=True)


if __name__ == "__main__":
    main()
