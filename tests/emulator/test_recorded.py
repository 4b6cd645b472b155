"""Exchanges that were recorded with the real service, replayed: same request, same answer.

The recordings lie beside the project (``../shared/api/recorded``), not in it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.running import Running, inner_codes

FOLDER = Path(__file__).parents[3] / "shared" / "api" / "recorded"
RECORDED_WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000/resourceGroups/00000"
    "/providers/Microsoft.MachineLearningServices/workspaces/00000"
)
CODE = "codes/3f8da52e-b145-44b7-8fc2-399e3d40f070/versions/1"
OF_PREVIEWS = {
    "maxInstanceCount",
    "locations",
    "secretsConfiguration",
    "autologgerSettings",
    "autoDeleteSetting",
}
OF_PREVIEWS |= {"assetVersion", "logbase", "resume_from", "user_agent", "ContentSnapshotId"}
"""Members that never became general, or that name what the emulator does not have."""

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"there are no recordings at {FOLDER}")


def exchange(topic: str, index: int) -> dict[str, Any]:
    return dict(json.loads((FOLDER / f"{topic}.json").read_text())[index])


def translated(emulator: Running, value: Any) -> Any:
    """A recording's value with this workspace's ids and a compute that it has."""
    facts = emulator.facts
    text = json.dumps(value)
    text = text.replace(RECORDED_WORKSPACE, emulator.workspace).replace(
        "computes/testCompute", "computes/cpu-cluster"
    )
    short = "/subscriptions/00000000-0000-0000-0000-000000000/resourcegroups/00000/workspaces/00000"
    ours = (
        f"/subscriptions/{facts['subscription_id']}/resourcegroups/{facts['resource_group']}"
        f"/workspaces/{facts['workspace_name']}"
    )
    return json.loads(text.replace(short, ours).replace(short[1:], ours[1:]))


def differences(recorded: Any, ours: Any, path: str = "") -> list[str]:
    """Where an answer is not what was recorded; members that the emulator adds count, too."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        found = []
        for name in sorted({*recorded, *ours} - OF_PREVIEWS):
            if name not in recorded or name not in ours:
                found.append(
                    f"{path}.{name} is only in {'the recording' if name in recorded else 'our answer'}"
                )
            else:
                found += differences(recorded[name], ours[name], f"{path}.{name}")
        return found
    return [] if recorded == ours else [f"{path}: {recorded!r} was recorded, not {ours!r}"]


def replay(emulator: Running, recorded: dict[str, Any]) -> Any:
    path, _, query = recorded["url"].removeprefix(RECORDED_WORKSPACE).lstrip("/").partition("?")
    body = translated(emulator, recorded["request_body"])
    version = dict(pair.split("=") for pair in query.split("&"))["api-version"]
    return emulator.ml(recorded["method"], path, body, version=version)


@pytest.fixture(scope="module")
def prepared(emulator: Running) -> Running:
    """What the recorded jobs refer to."""
    emulator.put(CODE, exchange("code", 4)["response_body"]["properties"])
    image = {"image": "docker.io/library/python:3.11"}
    emulator.put("environments/CliV2AnonymousEnvironment/versions/6bacc0d892cc968bcd98bcbbea577d56", image)
    return emulator


@pytest.mark.parametrize(
    ("topic", "index"),
    [
        *[("environment", index) for index in (1, 2, 3, 5)],
        ("code", 2),
        *[("data", index) for index in (0, 4, 6, 10)],
        *[("command_job", index) for index in (0, 1)],
        *[("sweep_job", index) for index in (0, 2)],
    ],
)
def test_new_resources(prepared: Running, topic: str, index: int) -> None:
    recorded = exchange(topic, index)
    answer = replay(prepared, recorded)
    ours, expected = answer.json(), translated(prepared, recorded["response_body"])
    assert answer.status_code == recorded["status"] == 201
    assert answer.headers["content-type"] == recorded["response_headers"]["Content-Type"]
    assert ("location" in answer.headers) == ("Location" in recorded["response_headers"])
    assert set(ours) == set(expected)
    assert (ours["id"], ours["name"], ours["type"]) == (expected["id"], expected["name"], expected["type"])
    assert set(ours["systemData"]) == set(expected["systemData"])
    properties = ours["properties"]
    for services in (properties.get("services", {}), expected["properties"].get("services", {})):
        if "Tracking" in services:
            # The host is the workspace's own.
            services["Tracking"]["endpoint"] = services["Tracking"]["endpoint"].partition("/mlflow")[2]
    for tagged in (properties, expected["properties"]):
        # A sweep's tags are written by whoever runs it, soon after the PUT.
        tagged["tags"] = {k: v for k, v in tagged["tags"].items() if not k.startswith("_aml_system_")}
    assert differences(expected["properties"], properties) == []
    if topic == "environment":
        assert replay(prepared, recorded).status_code == 201


@pytest.mark.parametrize(("topic", "index"), [("compute", 1), ("datastore", 0), ("workspace", 0)])
def test_what_a_workspace_has(emulator: Running, topic: str, index: int) -> None:
    """Names and kinds of members; most values are the workspace's own."""
    recorded = exchange(topic, index)
    ours, theirs = replay(emulator, recorded).json(), recorded["response_body"]

    def shape(value: Any, path: str = "") -> dict[str, str]:
        if isinstance(value, dict):
            return {
                k: v for name, member in value.items() for k, v in shape(member, f"{path}.{name}").items()
            }
        return {path: type(value).__name__}

    mine, real = shape(ours), shape(theirs)
    assert set(mine) <= set(real)
    assert [
        name for name in mine if mine[name] != real[name] and "NoneType" not in (mine[name], real[name])
    ] == []


@pytest.mark.parametrize("index", [0, 1, 2, 4, 5])
def test_errors(emulator: Running, index: int) -> None:
    recorded = exchange("errors", index)
    emulator.ml("DELETE", "data/list_data_v2_test/versions/1")
    answer = replay(emulator, recorded)
    assert answer.status_code == recorded["status"]
    assert answer.headers["x-ms-response-type"] == recorded["response_headers"]["x-ms-response-type"]
    if recorded["response_body"] is None:
        assert answer.content == b""
        return
    ours, expected = answer.json()["error"], recorded["response_body"]["error"]
    assert set(ours) == set(expected)
    assert (ours["code"], ours["message"]) == (expected["code"], expected["message"])
    assert [entry["type"] for entry in ours["additionalInfo"]] == [
        e["type"] for e in expected["additionalInfo"]
    ]

    class Recorded:
        @staticmethod
        def json() -> Any:
            return recorded["response_body"]

    assert inner_codes(answer) == inner_codes(Recorded())  # type: ignore[arg-type]


def test_cancel(emulator: Running) -> None:
    emulator.put("jobs/test_440656454894", emulator.command_job(tags={"emulator.seconds": "600"}))
    recorded = exchange("cancel", 3)
    answer = replay(emulator, recorded)
    assert (answer.status_code, answer.text) == (recorded["status"], recorded["response_body"])
    theirs, ours = recorded["response_headers"]["Location"], answer.headers["location"]
    assert ours.partition("/jc:")[2].partition(":")[2] == theirs.partition("/jc:")[2].partition(":")[2]
    assert (
        answer.headers["x-ms-async-operation-timeout"]
        == recorded["response_headers"]["x-ms-async-operation-timeout"]
    )
