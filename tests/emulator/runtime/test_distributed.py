"""Distributed jobs: one process per rank on this machine, each told of its place, each with its own log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.emulator.storage.blobs import BlobStorage
from tests.support.processes import is_alive
from tests.support.waiting import wait_for

from .harness import Harness, make_harness

SHOW = (
    "python -c 'import json, os;"
    ' names = ("AZUREML_", "MASTER_", "WORLD_", "RANK", "LOCAL_", "NODE_", "OMPI_", "AZ_BATCH", "TF_CONFIG");'
    " print(json.dumps({k: v for k, v in os.environ.items() if k.startswith(names)}))'"
)
TWO_NODES = {"instanceCount": 2}


def told(host: Harness, name: str) -> dict[str, dict[str, str]]:
    """Log -> the variables that its process found."""
    job = host.wait(name)
    assert job.status == "Completed", job.error
    return {path: json.loads(host.log(name, path)) for path in sorted(job.log_files)}


def picked(variables: dict[str, str], *names: str) -> list[str | None]:
    return [variables.get(name) for name in names]


def test_pytorch_processes_know_their_ranks(host: Harness) -> None:
    distribution = {"distributionType": "PyTorch", "processCountPerInstance": 2}
    host.submit("torch", SHOW, resources=TWO_NODES, distribution=distribution)
    ranks = told(host, "torch")
    assert list(ranks) == [f"user_logs/std_log_process_{rank}.txt" for rank in range(4)]
    names = ("RANK", "LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "AZUREML_PROCESS_NAME")
    assert [picked(found, *names) for found in ranks.values()] == [
        ["0", "0", "0", "4", "127.0.0.1", "rank_0"],
        ["1", "1", "0", "4", "127.0.0.1", "rank_1"],
        ["2", "0", "1", "4", "127.0.0.1", "rank_2"],
        ["3", "1", "1", "4", "127.0.0.1", "rank_3"],
    ]
    assert len({found["MASTER_PORT"] for found in ranks.values()}) == 1
    assert {found["AZUREML_NODE_COUNT"] for found in ranks.values()} == {"2"}
    assert {found["AZUREML_RUN_ID"] for found in ranks.values()} == {"torch"}


def test_mpi_processes_know_their_ranks(host: Harness) -> None:
    distribution = {"distributionType": "Mpi", "processCountPerInstance": 2}
    host.submit("mpi", SHOW, resources=TWO_NODES, distribution=distribution)
    ranks = told(host, "mpi")
    names = [f"OMPI_COMM_WORLD_{name}" for name in ("RANK", "LOCAL_RANK", "SIZE", "LOCAL_SIZE")]
    assert [picked(found, *names) for found in ranks.values()] == [
        ["0", "0", "4", "2"],
        ["1", "1", "4", "2"],
        ["2", "0", "4", "2"],
        ["3", "1", "4", "2"],
    ]
    assert {found["AZ_BATCHAI_MPI_MASTER_NODE"] for found in ranks.values()} == {"127.0.0.1"}
    assert "RANK" not in ranks["user_logs/std_log_process_0.txt"]


def test_tensorflow_workers_and_parameter_servers_know_the_cluster(host: Harness) -> None:
    """The servers go on until the workers have ended."""
    command = f'{SHOW}; if [[ $TF_CONFIG == *\'"type": "ps"\'* ]]; then touch up; exec sleep 600; fi; '
    command += "until [ -e up ]; do sleep 0.05; done"
    distribution = {"distributionType": "TensorFlow", "parameterServerCount": 1}
    host.submit("tensor", command, resources=TWO_NODES, distribution=distribution)
    found = {path: json.loads(variables["TF_CONFIG"]) for path, variables in told(host, "tensor").items()}
    assert {path: config["task"] for path, config in found.items()} == {
        "user_logs/std_log_process_0.txt": {"type": "worker", "index": 0},
        "user_logs/std_log_process_1.txt": {"type": "worker", "index": 1},
        "user_logs/std_log_process_0_ps.txt": {"type": "ps", "index": 0},
    }
    clusters = [config["cluster"] for config in found.values()]
    assert [len(clusters[0]["worker"]), len(clusters[0]["ps"])] == [2, 1]
    assert len({*clusters[0]["worker"], *clusters[0]["ps"]}) == 3
    assert clusters == [clusters[0]] * 3


def test_several_nodes_without_a_distribution(host: Harness) -> None:
    host.submit("nodes", SHOW, resources=TWO_NODES)
    assert list(told(host, "nodes")) == ["user_logs/std_log_0.txt", "user_logs/std_log_1.txt"]


def test_one_process_logs_as_ever(host: Harness) -> None:
    host.submit("lone", SHOW, distribution={"distributionType": "PyTorch"})
    (path,) = (ranks := told(host, "lone"))
    assert path == "user_logs/std_log.txt"
    assert picked(ranks[path], "RANK", "WORLD_SIZE") == ["0", "1"]


def test_processes_really_meet(host: Harness) -> None:
    """Rank 0 listens where all are told, and the others come."""
    script = (
        "import os, socket\n"
        "place = (os.environ['MASTER_ADDR'], int(os.environ['MASTER_PORT']))\n"
        "if os.environ['RANK'] == '0':\n"
        "    server = socket.create_server(place)\n"
        "    came = sorted(server.accept()[0].makefile().readline() for _ in range(2))\n"
        "    open('met.txt', 'w').write(' '.join(came))\n"
        "    print('met', *came)\n"
        "else:\n"
        "    while True:\n"
        "        try:\n"
        "            socket.create_connection(place).sendall(os.environ['RANK'].encode())\n"
        "            break\n"
        "        except ConnectionRefusedError:\n"
        "            pass\n"
    )
    code = host.code("meeting", {"main.py": script})
    distribution = {"distributionType": "PyTorch", "processCountPerInstance": 3}
    host.submit("meeting", "python main.py", codeId=code, distribution=distribution)
    job = host.wait("meeting")
    assert job.status == "Completed", job.error
    assert host.log("meeting", "user_logs/std_log_process_0.txt") == "met 1 2\n"


def test_a_process_that_fails_ends_the_others(host: Harness) -> None:
    distribution = {"distributionType": "PyTorch", "processCountPerInstance": 2}
    command = "until [ $RANK = 0 -o -e up ]; do sleep 0.05; done; "
    command += "if [ $RANK = 1 ]; then echo no luck >&2; exit 3; fi; echo $$; touch up; exec sleep 600"
    host.submit("broken", command, distribution=distribution)
    job = host.wait("broken")
    assert job.status == "Failed"
    assert job.error is not None
    message = job.error["message"]
    assert "exited with status code 3" in message
    assert "std_log_process_1.txt" in message
    assert "no luck" in message
    assert not is_alive(int(host.log("broken", "user_logs/std_log_process_0.txt")))


def test_a_cancel_ends_all(host: Harness) -> None:
    host.submit(
        "ended",
        "echo $$; exec sleep 600",
        distribution={"distributionType": "Mpi", "processCountPerInstance": 2},
    )
    logs = [f"user_logs/std_log_process_{rank}.txt" for rank in range(2)]
    wait_for(lambda: set(logs) <= set(host.job("ended").log_files))
    wait_for(lambda: all(host.log("ended", path) for path in logs))
    pids = [int(host.log("ended", path)) for path in logs]
    assert all(is_alive(pid) for pid in pids)
    host.cancel("ended")
    assert host.wait("ended").status == "Canceled"
    wait_for(lambda: not any(is_alive(pid) for pid in pids))


def test_jobs_of_several_nodes_wait_for_all_of_them(host: Harness, tmp_path: Path) -> None:
    """``cpu`` has two nodes: a job of two neither starts with one nor lets a later one pass."""
    go = tmp_path / "go"
    host.submit("small", f"until [ -e {go} ]; do sleep 0.1; done")
    host.wait("small", "Running")
    host.submit("large", resources=TWO_NODES)
    host.wait("large", "Queued")
    host.submit("later")
    host.wait("later", "Queued")
    assert [host.job(name).status for name in ("small", "large", "later")] == ["Running", "Queued", "Queued"]
    go.touch()
    assert [host.wait(name).status for name in ("small", "large", "later")] == ["Completed"] * 3
    assert str(host.job("large").started_at) <= str(host.job("later").started_at)


@pytest.mark.parametrize(
    "properties",
    [{"resources": TWO_NODES}, {"distribution": {"distributionType": "Mpi", "processCountPerInstance": 64}}],
)
def test_distributed_jobs_are_states_on_a_clock_by_choice(
    tmp_path: Path, blobs: BlobStorage, properties: dict[str, Any]
) -> None:
    host = make_harness(tmp_path, "host", blobs, distributed="simulated")
    host.start()
    mark = tmp_path / "mark"
    host.submit("states", f"touch {mark}", tags={"emulator.seconds": "0"}, **properties)
    assert host.wait("states").status == "Completed"
    assert not mark.exists()
    host.submit("process", f"touch {mark}")
    assert host.wait("process").status == "Completed"
    assert mark.exists()
    host.stop()
    host.store.close()
