"""A session of azure-ai-ml beside ours: its requests and ours in the same words, and what differs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from tests.contract.resource_sessions import SESSIONS
from tests.contract.schemas import API
from tests.contract.stand_ins import with_stand_ins
from tests.contract.tally import count
from tests.contract.test_golden import meaning
from tests.contract.test_resource_golden import AS_BY_DEFAULT

FOLDER = API / "sdk-sessions"
MNIST = "cli/endpoints/batch/deploy-models/mnist-classifier"
SAMPLE = "cli/endpoints/online/managed/sample"


Wire = dict[str, Any]


class Asked(NamedTuple):
    """A request, without what is another one in each session: names that are drawn, hosts, signatures."""

    line: str
    body: Any = None


def asked(method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Asked:
    path, query = urlsplit(url).path, parse_qs(urlsplit(url).query)
    host = urlsplit(url).netloc
    if "/registries/" in path:
        path = f"registries/{path.partition('/registries/')[2]}"
    elif "/workspaces/" in path and "/discovery" not in path:
        path = path.partition("/workspaces/")[2].partition("/")[2]
    elif host.endswith(SCORING_HOST):
        body = {**body, "headers": {name.lower(): "" for name in headers or () if name.lower() not in ALWAYS}}
    elif path.startswith("/amlrestemulator/") or ".blob." in host:
        path = re.sub(r"^(/amlrestemulator)?/[^/]+/?", "", path)
    told = [f"{name}={query[name][0]}" for name in ("comp", "underlyingResourceAction") if name in query]
    line = f"{method} {alike(path.strip('/')) or '.'}{'?' if told else ''}{'&'.join(told)}"
    return Asked(line, alike(body))


SCORING_HOST = ".inference.ml.azure.com"
ALWAYS = ("authorization", "content-length")


def alike(value: Any) -> Any:
    """Names and hashes that are other ones in each session."""
    if isinstance(value, dict):
        return {alike(name): alike(member) for name, member in value.items()}
    if isinstance(value, list):
        return [alike(member) for member in value]
    if not isinstance(value, str):
        return value
    value = re.sub(r"azureml://subscriptions/.*/workspaces/[^/]+/", "azureml://", value)
    value = re.sub(r"/subscriptions/.*/workspaces/[^/]+/", "", value)
    value = re.sub(r"codes/[^/]+/versions/[^/]+", "codes/code/versions/1", value)
    value = re.sub(r"codes/[^/]+/versions$", "codes/code/versions", value)
    value = re.sub(r"^https://[^/]+(/amlrestemulator)?/[^/]+/(?=code|onlinescoring)", "https://blob/", value)
    value = re.sub(r"^([0-9a-f]{16}|[0-9a-f]{64})$", "hash", value)
    value = re.sub(r"^[0-9a-f]{8}-[0-9a-f-]{27}$", "guid", value)
    value = re.sub(r"^eastus$", "westeurope", value)
    value = re.sub(r"^computes/cpu-cluster$", "computes/batch-cluster", value)
    value = re.sub(r"environments/[^/]+/versions/[^/]+", "environments/environment/versions/1", value)
    value = re.sub(r"models/[0-9a-f]{64}", "models/hash", value)
    return re.sub(r"LocalUpload/[0-9a-f]{64}", "LocalUpload/hash", value)


def of_theirs(session: str) -> list[Asked]:
    requests = json.loads((FOLDER / f"{session}.json").read_text())["requests"]
    return [asked(one["method"], one["url"], one.get("body"), one.get("headers")) for one in requests]


def files(folder: Path) -> Path:
    """Microsoft's files, and stand-ins for the code, models and conda files that they name."""
    root = with_stand_ins(folder / "yaml")
    sample, mnist = root / "cli/endpoints/online/model-1", root / MNIST / "deployment-torch"
    stand_in_for(sample / "onlinescoring", "score.py", "score_managedidentity.py")
    stand_in_for(sample / "model", "sklearn_regression_model.pkl")
    stand_in_for(mnist / "code", "batch_driver.py", "mnist_classifier.py")
    stand_in_for(mnist / "model", "model.pt")
    for folder, session in ((sample, "online-deployment-create"), (mnist, "batch-deployment-create")):
        conda = next(one.body for one in of_theirs(session) if one.line.startswith("PUT environments/"))
        (folder / "environment").mkdir(parents=True, exist_ok=True)
        (folder / "environment" / "conda.yaml").write_text(conda["properties"]["condaFile"])
    mlflow = root / "cli/assets/model/mlflow-model"
    stand_in_for(mlflow, "MLmodel", "input_example.json", "conda.yaml", "model.pkl", "requirements.txt")
    (mlflow / "MLmodel").write_text("flavors: {}\n")
    return root


def stand_in_for(folder: Path, *files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for there in folder.iterdir():
        there.unlink()
    for file in files:
        (folder / file).write_text(f"# {file}\n")


def check(session: str, ours: list[Asked]) -> None:
    """Nothing differs but what the table says, and all that it says does."""
    theirs, beside = of_theirs(session), SESSIONS[session]
    lines, their_lines = [one.line for one in ours], [one.line for one in theirs]
    assert set(their_lines) - set(lines) == set(beside.theirs)
    assert set(lines) - set(their_lines) == set(beside.ours)
    assert last_write(ours) == last_write(theirs)
    found = {
        f"{one.line}: {difference}"
        for one in ours
        for other in theirs
        if one.line == other.line and isinstance(other.body, dict)
        for difference in differences(said(other.body), said(one.body))
    }
    assert found == set(beside.bodies)
    count("sessions of azure-ai-ml whose every request is beside ours")


def last_write(requests: list[Asked]) -> str:
    return [one.line for one in requests if not one.line.startswith(("GET", "HEAD"))][-1]


def said(body: Any) -> Any:
    found = meaning(body)
    inner = (found.get("properties") or {}).get("properties") or {}
    if "vmSize" in inner:
        found["properties"]["properties"] = {
            name: value for name, value in inner.items() if AS_BY_DEFAULT.get(name) is not value
        }
    return found


def differences(theirs: Any, ours: Any, where: str = "") -> Iterator[str]:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name in {**theirs, **ours}:
            yield from differences(theirs.get(name), ours.get(name), f"{where}.{name}".lstrip("."))
    elif theirs != ours:
        told = ["-" if value is None else json.dumps(value) for value in (theirs, ours)]
        yield f"{where}: {' -> '.join(told)}"
