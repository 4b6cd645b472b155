"""What is answered of computes, held against the definitions of each version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.test_responses import OLD, VERSIONS, Checked
from tests.emulator.running import Running


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checked]:
    running = Running(tmp_path_factory.mktemp("resources") / "data", "--runtime", "simulated")
    yield Checked(running)
    assert running.stop() == 0, running.log.read_text()


CLUSTER = {"vmSize": "Standard_DS3_v2", "scaleSettings": {"maxNodeCount": 2}}
INSTANCE = {"vmSize": "Standard_DS3_v2", "sshSettings": {"sshPublicAccess": "Enabled"}}


@pytest.mark.parametrize("version", VERSIONS)
def test_computes_that_clients_make(simulated: Checked, version: str) -> None:
    simulated.running.admin("PATCH", "settings", {"compute_seconds": 0})
    for kind, inner in (("AmlCompute", CLUSTER), ("ComputeInstance", INSTANCE)):
        path = f"computes/{kind}"
        body = {"location": "eastus", "properties": {"computeType": kind, "properties": inner}}
        simulated.ask(version, "PUT", path, body, expect=201)
        simulated.ask(version, "GET", path, expect=200)
        simulated.ask(version, "PUT", path, body, expect=200)
    simulated.ask(version, "GET", "computes", expect=200)
    scale: dict[str, Any] = {"scaleSettings": {"maxNodeCount": 2, "minNodeCount": 1}}
    patch = {"properties": scale if version == OLD else {"properties": scale}}
    simulated.ask(version, "PATCH", "computes/AmlCompute", patch, expect=200)
    simulated.ask(version, "POST", "computes/AmlCompute/listNodes", expect=200)
    for action in ("stop", "start", "restart"):
        expect = 200 if (version, action) == (OLD, "restart") else 202
        simulated.ask(version, "POST", f"computes/ComputeInstance/{action}", expect=expect)
    for kind in ("AmlCompute", "ComputeInstance"):
        path = f"{simulated.workspace}/computes/{kind}"
        query = {"api-version": version, "underlyingResourceAction": "Delete"}
        assert simulated.running.http.delete(path, params=query).status_code == 202
