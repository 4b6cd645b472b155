"""The processes of a job, all of them on this machine: how many, what each is told, and where it logs.

Where a distribution starts its processes itself (PyTorch, MPI, TensorFlow), each is told of its place by the
variables that Azure ML documents. MPI's own launcher is not run: its variables are set, there is no world.
"""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

STD_LOG = "user_logs/std_log.txt"
HERE = "127.0.0.1"


@dataclass(frozen=True)
class Process:
    log: str = STD_LOG
    variables: dict[str, str] = field(default_factory=dict)
    serves: bool = False
    """It goes on until the others have ended, and is ended then."""


class Nodes:
    """A compute's nodes: first come, first served, a job's all at once."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._used = 0
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()

    def resize(self, count: int) -> None:
        """Another number of nodes from now on; those in use stay in use."""
        self.count = count
        self._changed.set()

    @asynccontextmanager
    async def taken(self, wanted: int) -> AsyncIterator[None]:
        """Hold so many of them."""
        async with self._turn:
            while self._used + wanted > self.count:
                self._changed.clear()
                await self._changed.wait()
            self._used += wanted
        try:
            yield
        finally:
            self._used -= wanted
            self._changed.set()


def node_count(properties: dict[str, Any]) -> int:
    return int((properties.get("resources") or {}).get("instanceCount") or 1)


def is_distributed(properties: dict[str, Any]) -> bool:
    """Whether a job asks for several nodes, or for processes that are told of each other."""
    return node_count(properties) > 1 or bool(properties.get("distribution"))


def processes_of(properties: dict[str, Any]) -> list[Process]:
    """A job's processes in the order of their ranks."""
    distribution, nodes = properties.get("distribution") or {}, node_count(properties)
    match distribution.get("distributionType"):
        case "PyTorch":
            return _ranks(nodes, distribution, _pytorch)
        case "Mpi":
            return _ranks(nodes, distribution, _mpi)
        case "TensorFlow":
            return _tensorflow(nodes, distribution)
        case _ if nodes > 1:
            return [Process(f"user_logs/std_log_{node}.txt", _named(node, nodes)) for node in range(nodes)]
        case _:
            return [Process()]


@dataclass(frozen=True)
class _Place:
    """Where a process stands among the others."""

    node: int
    local: int
    local_size: int
    size: int

    @property
    def rank(self) -> int:
        return self.node * self.local_size + self.local


def _ranks(
    nodes: int, distribution: dict[str, Any], told: Callable[[_Place, str], dict[str, str]]
) -> list[Process]:
    """As many processes on each node as the distribution says; one, if it does not."""
    per_node = int(distribution.get("processCountPerInstance") or 1)
    places = [_Place(n, local, per_node, nodes * per_node) for n in range(nodes) for local in range(per_node)]
    (port,) = _free_ports(1)
    return [
        Process(_log(place.rank, len(places)), {**_named(place.rank, nodes), **told(place, port)})
        for place in places
    ]


def _pytorch(place: _Place, port: str) -> dict[str, str]:
    return {
        "MASTER_ADDR": HERE,
        "MASTER_PORT": port,
        "WORLD_SIZE": str(place.size),
        "NODE_RANK": str(place.node),
        "RANK": str(place.rank),
        "LOCAL_RANK": str(place.local),
    }


def _mpi(place: _Place, port: str) -> dict[str, str]:
    return {
        "OMPI_COMM_WORLD_SIZE": str(place.size),
        "OMPI_COMM_WORLD_RANK": str(place.rank),
        "OMPI_COMM_WORLD_LOCAL_SIZE": str(place.local_size),
        "OMPI_COMM_WORLD_LOCAL_RANK": str(place.local),
        # Of several nodes, and of one.
        "AZ_BATCH_MASTER_NODE": f"{HERE}:{port}",
        "AZ_BATCHAI_MPI_MASTER_NODE": HERE,
    }


def _tensorflow(nodes: int, distribution: dict[str, Any]) -> list[Process]:
    """As many workers as the distribution says, else one on each node; parameter servers serve them."""
    counts = {
        "worker": int(distribution.get("workerCount") or nodes),
        "ps": int(distribution.get("parameterServerCount") or 0),
    }
    ports = iter(_free_ports(sum(counts.values())))
    cluster = {
        kind: [f"{HERE}:{next(ports)}" for _ in range(count)] for kind, count in counts.items() if count
    }
    tasks = [(kind, index) for kind, addresses in cluster.items() for index in range(len(addresses))]
    return [
        Process(
            _log(index, len(tasks), "_ps" if kind == "ps" else ""),
            {
                **_named(number, nodes),
                "TF_CONFIG": json.dumps(
                    {"cluster": cluster, "task": {"type": kind, "index": index}, "environment": "cloud"}
                ),
            },
            serves=kind == "ps",
        )
        for number, (kind, index) in enumerate(tasks)
    ]


def _named(rank: int, nodes: int) -> dict[str, str]:
    return {"AZUREML_PROCESS_NAME": f"rank_{rank}", "AZUREML_NODE_COUNT": str(nodes)}


def _log(number: int, processes: int, suffix: str = "") -> str:
    """Numbers have as many digits as the last one, so that the names sort."""
    if processes == 1:
        return STD_LOG
    return f"user_logs/std_log_process_{number:0{len(str(processes - 1))}}{suffix}.txt"


def _free_ports(count: int) -> list[str]:
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind((HERE, 0))
        return [str(listener.getsockname()[1]) for listener in listeners]


async def run_all(
    processes: Sequence[Process], run: Callable[[Process], Awaitable[int]]
) -> tuple[Process, int]:
    """Run processes side by side: the first that failed with its exit code, or the first of all with 0.

    When one fails, or the caller is cancelled, all are ended.
    """

    async def code_of(process: Process) -> int:
        return await run(process)

    tasks = {asyncio.create_task(code_of(process)): process for process in processes}
    pending = set(tasks)
    try:
        while not all(tasks[task].serves for task in pending):
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if code := task.result():
                    return tasks[task], code
        return processes[0], 0
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
