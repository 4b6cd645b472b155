"""Exchanges that were recorded with the real service, asked again of the emulator, and what differs.

The recordings lie beside the project (``../shared/api/recorded``), not in it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import httpx
from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

from tests.contract.schemas import API
from tests.emulator.batch import studio_token
from tests.emulator.running import REGISTRY, Running

FOLDER, SERVING = API / "recorded", API / "recorded-serving"
SERVING_TOPICS = ("batch_endpoint", "online_deployment", "online_endpoint")
TOPICS = (*sorted(file.stem for file in FOLDER.glob("*.json")), *SERVING_TOPICS)
"""In this order, so that assets of deployments are in no recorded list."""
RECORDED_WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000/resourceGroups/00000"
    "/providers/Microsoft.MachineLearningServices/workspaces/00000"
)
RECORDED_REGISTRY = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/test-registries"
    "/providers/Microsoft.MachineLearningServices/registries/testFeed"
)
SERVING_WORKSPACES = (
    "/subscriptions/9e223dbe-3399-4e19-88eb-0975f02ac87f/resourceGroups/ml-rg-test"
    "/providers/Microsoft.MachineLearningServices/workspaces/mlworkspace-cli01",
    "/subscriptions/0e745469-49f8-48c9-873b-24ca87143db1/resourceGroups/ml-test"
    "/providers/Microsoft.MachineLearningServices/workspaces/mlworkspace-test2",
)
SCORING = "/jobs"
BATCH_ENDPOINT = "batch-ept-11a618d470304b2"
BATCH_HOST = f"https://{BATCH_ENDPOINT}.westus2-main.inference.ml.azure.com"
SHORT = "/subscriptions/00000000-0000-0000-0000-000000000/resourcegroups/00000/workspaces/00000"
HEADERS = (
    *("Content-Type", "Location", "Azure-AsyncOperation", "Retry-After", "ETag", "Accept-Ranges"),
    *("Content-Range", "Content-MD5", "x-ms-response-type", "x-ms-async-operation-timeout"),
    *("x-ms-failure-cause", "x-ms-error-code", "x-ms-blob-type", "x-ms-correlation-request-id"),
    *(f"x-ms-ratelimit-remaining-subscription-{kind}" for kind in ("reads", "writes", "deletes")),
)
"""Those that a client may go by."""
OF_THE_MOMENT = re.compile(
    r"ETag|x-ms-ratelimit-.*|x-ms-correlation-request-id|Location|Azure-AsyncOperation"
)
"""Headers whose value is another one each time."""
LEFT_OUT = re.compile(r"x-ms-(ratelimit-.*|correlation-request-id|response-type)", re.IGNORECASE)
"""Headers that say nothing where they were not recorded: of these exchanges only some headers were kept."""
OPERATION_ID = re.compile(r"/mfeOperation\w+/\w+:[0-9a-f-]+:([0-9a-f-]+)")
VOLATILE = re.compile(
    r".*\.(\w+At|startTime|endTime|\w+Utc|\w+On|\w*TransitionTime|created\w+|lastModified\w+|userId|\w*[uU]uid|\w*[dD]uration"
    r"|runNumber|experimentId|revision|principalId|tenantId|workspaceId|user\w+|endpoint|location|computeLocation"
    r"|operation|request|environment|time)"
    r"|\.error\.additionalInfo\[(2|3|4)\]\.info\.value"
)
"""Members whose value belongs to the moment, the caller or the region: their kind of value is compared."""


@dataclass(frozen=True)
class Exchange:
    topic: str
    index: int
    method: str
    url: str
    request_headers: dict[str, str]
    request_body: Any
    status: int
    response_headers: dict[str, str]
    response_body: Any

    @property
    def is_blob(self) -> bool:
        return not self.url.startswith(
            ("/subscriptions/", "/history/", "/data/", "/discovery", "/mferp/", "/asset", SCORING)
        )

    @property
    def is_scoring(self) -> bool:
        """Whether a batch endpoint is asked, whose host has its name."""
        return self.url == SCORING

    @property
    def is_selection(self) -> bool:
        """Whether only some of its headers were kept."""
        return self.topic in SERVING_TOPICS

    @property
    def api_version(self) -> str:
        found = re.search(r"api-version=([\w-]+)", self.url)
        return found[1] if found else ""


@cache
def exchanges() -> tuple[Exchange, ...]:
    """All recorded exchanges, by topic and in their order."""
    names = Exchange.__dataclass_fields__.keys() - {"topic", "index"}
    return tuple(
        Exchange(topic, index, **{name: recorded[name] for name in names})
        for topic in TOPICS
        for index, recorded in enumerate(_recorded(topic))
    )


def _recorded(topic: str) -> list[dict[str, Any]]:
    folder = SERVING if topic in SERVING_TOPICS else FOLDER
    return list(json.loads((folder / f"{topic}.json").read_text()))


class Emulators:
    """Where exchanges are replayed: one emulator whose jobs only have states, and one with blob storage."""

    def __init__(self, folder: Path) -> None:
        self.jobs = Running(folder / "jobs", "--runtime", "simulated")
        self.storage = Running(folder / "storage", "--runtime", "host")
        self.names: dict[str, str] = {}
        """Names that the service chose -> those that the emulator has chosen."""

    def stop(self) -> None:
        assert [self.jobs.stop(), self.storage.stop()] == [0, 0]

    @cached_property
    def container(self) -> str:
        return str(self.storage.get("datastores/workspaceblobstore")["containerName"])

    def blob(self, method: str, path: str, headers: dict[str, str], content: bytes | None) -> httpx.Response:
        """A request to blob storage, with a shared access signature as the recorded ones had."""
        separator = "&" if "?" in path else "?"
        url = f"{self.storage.facts['blob_endpoint']}{path}{separator}{self._signature}"
        return self.storage.http.request(
            method, url, headers={**headers, "Authorization": ""}, content=content
        )

    @cached_property
    def _signature(self) -> str:
        key = self.storage.ml("POST", "datastores/workspaceblobstore/listSecrets").json()["key"]
        return generate_account_sas(
            self.storage.get("datastores/workspaceblobstore")["accountName"],
            key,
            ResourceTypes(object=True, container=True),
            AccountSasPermissions(read=True, write=True, list=True, create=True),
            datetime.now(UTC) + timedelta(hours=1),
        )

    def where(self, exchange: Exchange) -> Running:
        """The emulator that an exchange of Resource Manager or run history is replayed on."""
        of_registry = exchange.url.startswith(("/mferp/", "/assetstore/"))
        return self.storage if of_registry or exchange.topic in ("cancel", "datastore") else self.jobs

    def mapped(self, exchange: Exchange, value: Any) -> Any:
        """A recording's value with the names and ids of the emulated workspace."""
        running = self.where(exchange)
        facts = running.facts
        ours = (
            f"/subscriptions/{facts['subscription_id']}/resourcegroups/{facts['resource_group']}"
            f"/workspaces/{facts['workspace_name']}"
        )
        text = json.dumps(value).replace(RECORDED_WORKSPACE, running.workspace)
        for theirs in SERVING_WORKSPACES:
            text = text.replace(theirs, running.workspace).replace(theirs.lower(), running.workspace.lower())
            text = text.replace("/".join(theirs.split("/")[:3]), f"/subscriptions/{facts['subscription_id']}")
        text = text.replace("https://management.azure.com", facts["arm_endpoint"])
        text = text.replace(BATCH_HOST, f"{facts['arm_endpoint']}/batch/{BATCH_ENDPOINT}")
        text = text.replace("//master.api.azureml-test.ms", facts["arm_endpoint"].removeprefix("https:"))
        for theirs, our in (
            (SHORT, ours),
            (SHORT[1:], ours[1:]),
            # So the service spells where models lie.
            (SHORT[1:].replace("groups", "Groups"), ours[1:].replace("groups", "Groups", 1)),
            (RECORDED_REGISTRY, f"{running.workspace.partition('/workspaces/')[0]}/registries/{REGISTRY}"),
            ("azureml://registries/testFeed/", f"azureml://registries/{REGISTRY}/"),
            (
                "/subscriptions/00000000-0000-0000-0000-000000000",
                f"/subscriptions/{facts['subscription_id']}",
            ),
            ("/subscriptions/azure_subscription_id", f"/subscriptions/{facts['subscription_id']}"),
            ("/resourceGroups/myjstest", f"/resourceGroups/{facts['resource_group']}"),
            ("computes/testCompute", "computes/cpu-cluster"),
            *self.names.items(),
        ):
            text = text.replace(theirs, our)
        text = re.sub(
            r"/azureml-blobstore-[0-9a-f-]{36}/LocalUpload/0+/(\w+/)?\w+\.\w+\b", self._in_container, text
        )
        text = re.sub(r"locations/\w+/", f"locations/{facts['location']}/", text)
        guid = running.get("")["workspaceId"]
        return json.loads(
            re.sub(r"(jc:|oe:|od:|bebes:|/workspaces/)[0-9a-f]{8}-[0-9a-f-]{27}", rf"\g<1>{guid}", text)
        )

    def _in_container(self, found: re.Match[str]) -> str:
        return re.sub(r"azureml-blobstore-[0-9a-f-]{36}", self.container, found[0])

    def replay(self, exchange: Exchange) -> httpx.Response:
        url = self.mapped(exchange, exchange.url)
        if exchange.is_blob:
            headers = {k: v for k, v in exchange.request_headers.items() if k != "Content-Length"}
            body = exchange.request_body
            content = base64.b64decode(body) if isinstance(body, str) else None
            return self.blob(exchange.method, url, headers, content)
        body = self.mapped(exchange, exchange.request_body)
        if exchange.is_scoring:
            return self._scored(exchange, body)
        answer = self.where(exchange).http.request(exchange.method, url, json=body)
        for name, value in exchange.response_headers.items():
            self.learn(value, answer.headers.get(name, ""))
        return answer

    def _scored(self, exchange: Exchange, body: Any) -> httpx.Response:
        """A request to a batch endpoint; the service chooses the name of the job."""
        headers = {**exchange.request_headers, **studio_token(self.jobs)}
        answer = self.jobs.http.post(f"/batch/{BATCH_ENDPOINT}{SCORING}", json=body, headers=headers)
        if answer.is_success:
            self.names[exchange.response_body["name"]] = answer.json()["name"]
        return answer

    def learn(self, theirs: str, ours: str) -> None:
        """Remember which operation of the emulator's is the recorded one."""
        if (recorded := OPERATION_ID.search(theirs)) and (found := OPERATION_ID.search(ours)):
            self.names[recorded[1]] = found[1]

    def differences(self, exchange: Exchange, answer: httpx.Response) -> list[str]:
        """Where the answer is not the recorded one."""
        if answer.status_code != exchange.status:
            return [f"status {answer.status_code} instead of {exchange.status}"]
        found = list(_headers(exchange.response_headers, answer.headers))
        if exchange.is_selection:
            found = [f for f in found if not (f.endswith("our answer") and LEFT_OUT.search(f))]
        recorded = exchange.response_body
        if exchange.is_blob:
            return found + list(_contents(recorded, answer))
        if answer.text == "null" or recorded == "null":
            return found + ([] if answer.text == recorded else [f"the body is {answer.text!r}"])
        body = answer.json() if answer.content else None
        return found + list(_bodies(self.mapped(exchange, recorded), body, ""))


def _contents(recorded: str | None, answer: httpx.Response) -> Iterator[str]:
    """Of blob storage: a blob is compared by its bytes, XML by its elements."""
    if recorded is not None and recorded.lstrip("\ufeff").startswith("<"):
        theirs, ours = (set(re.findall(r"<([\w-]+)", text)) for text in (recorded, answer.text))
        for name in sorted(theirs ^ ours):
            yield f"element {name} is only {'recorded' if name in theirs else 'in our answer'}"
    elif answer.content != base64.b64decode(recorded or ""):
        yield f"the content is {answer.content!r}"


def _headers(recorded: dict[str, str], ours: httpx.Headers) -> Iterator[str]:
    theirs = {name.lower(): value for name, value in recorded.items()}
    for name in HEADERS:
        their, our = theirs.get(name.lower()), ours.get(name)
        if (their is None) != (our is None):
            yield f"header {name} is only {'in our answer' if their is None else 'recorded'}"
        elif their != our and not OF_THE_MOMENT.fullmatch(name):
            yield f"header {name}: {our!r} instead of {their!r}"


def _bodies(recorded: Any, ours: Any, at: str) -> Iterator[str]:
    if isinstance(recorded, dict) and isinstance(ours, dict):
        for name in sorted({*recorded, *ours}):
            if name in recorded and name in ours:
                yield from _bodies(recorded[name], ours[name], f"{at}.{name}")
            else:
                yield f"{at}.{name} is only {'recorded' if name in recorded else 'in our answer'}"
    elif isinstance(recorded, list) and isinstance(ours, list):
        if len(recorded) != len(ours):
            yield f"{at} has {len(ours)} items instead of {len(recorded)}"
        for index, (their, our) in enumerate(zip(recorded, ours, strict=False)):
            yield from _bodies(their, our, f"{at}[{index}]")
    elif VOLATILE.fullmatch(at):
        if type(recorded) is not type(ours):
            yield f"{at}: {ours!r} instead of {recorded!r}"
    elif recorded != ours:
        yield f"{at}: {ours!r} instead of {recorded!r}"
