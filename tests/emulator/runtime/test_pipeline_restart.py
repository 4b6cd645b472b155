"""A pipeline that the end of the emulator cuts off goes on when it starts again."""

from __future__ import annotations

import time
from pathlib import Path

from tests.emulator.pipelines import children, component, node, of, pipeline_job, statuses
from tests.emulator.running import Running


def test_a_restart(tmp_path: Path) -> None:
    running = Running(tmp_path / "data", "--runtime", "host")
    folder = {"data": "uri_folder"}
    made = f"echo once >> {tmp_path}/made; echo once > ${{{{outputs.data}}}}/file"
    waiting = f"touch {tmp_path}/begun; until [ -e {tmp_path}/go ]; do sleep 0.05; done"
    jobs = {
        "make": node(component(running, "make", made, outputs=folder)),
        "wait": node(component(running, "wait", waiting, folder), {"data": of("make", "data")}),
        "last": node(component(running, "last", "true", folder), {"data": of("make", "data")}),
    }
    running.put("jobs/long", pipeline_job(running, jobs))
    while not (tmp_path / "begun").exists():
        time.sleep(0.05)
    before = {name: run["runId"] for name, run in children(running, "long").items()}
    assert running.stop() == 0
    running = Running(tmp_path / "data", "--runtime", "host")
    try:
        assert running.get("jobs/long")["status"] == "Running"
        (tmp_path / "go").touch()
        assert running.wait_for("long", "Completed", "Failed") == "Completed"
        assert set(statuses(running, "long").values()) == {"Completed"}
        assert {name: run["runId"] for name, run in children(running, "long").items()} == before
        running.put("jobs/again", pipeline_job(running, jobs))
        assert running.wait_for("again", "Completed", "Failed") == "Completed"
        again = children(running, "again")
        assert {name: run["properties"]["azureml.reusedrunid"] for name, run in again.items()} == before
        assert (tmp_path / "made").read_text() == "once\n"
    finally:
        running.stop()
