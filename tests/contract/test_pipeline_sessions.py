"""What azure-ai-ml makes of Microsoft's own pipeline files, sent to the emulator as it was sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.schemas import API
from tests.emulator.running import Running

FOLDER = API / "sdk-sessions"
SESSIONS = {
    "component-create": 201,
    "pipeline-hello-io": 201,
    "pipeline-inline-components": 201,
    "pipeline-local-components": 201,
    "pipeline-sweep": 201,
    # Its input is a table.
    "pipeline-parallel": 501,
}
"""Session -> how its last request is answered."""
WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"
    "/providers/Microsoft.MachineLearningServices/workspaces/ws"
)
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the sessions (../shared) are not on this machine"
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("sessions") / "data", "--runtime", "simulated")
    running.admin("PATCH", "settings", {"job_seconds": 0})
    yield running
    assert running.stop() == 0, running.log.read_text()


def written(session: str, running: Running) -> list[dict[str, Any]]:
    """The PUTs of components and jobs in a session, with the emulated workspace's ids."""
    text = (FOLDER / f"{session}.json").read_text().replace(WORKSPACE, running.workspace)
    return [
        request
        for request in json.loads(text)["requests"]
        if request["method"] == "PUT" and ("/components/" in request["url"] or "/jobs/" in request["url"])
    ]


@pytest.mark.parametrize("session", SESSIONS)
def test_a_session(running: Running, session: str) -> None:
    *before, last = written(session, running)
    for request in before:
        answer = running.http.put(request["url"], json=request["body"])
        assert answer.status_code in (200, 201), answer.text
    answer = running.http.put(last["url"], json=last["body"])
    assert answer.status_code == SESSIONS[session], answer.text
    if "/jobs/" in last["url"] and answer.status_code == 201:
        assert answer.json()["properties"]["status"] == "Completed"
        steps = running.history("GET", f"runs/{answer.json()['name']}/children").json()["value"]
        assert {step["displayName"] for step in steps} == set(last["body"]["properties"]["jobs"])
