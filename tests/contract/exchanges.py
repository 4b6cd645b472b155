"""What must be there before a recorded exchange is replayed, and where the emulator differs on purpose."""

from __future__ import annotations

import base64
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

from tests.contract import serving_exchanges
from tests.contract.replay import Emulators, Exchange, exchanges

Prepare = Callable[[Emulators, Exchange], None]


def _put(path: str, properties: dict[str, Any], version: str = "2025-12-01") -> Prepare:
    def prepare(emulators: Emulators, exchange: Exchange) -> None:
        body = {"properties": emulators.mapped(exchange, properties)}
        answer = emulators.where(exchange).ml("PUT", path, body, version=version)
        assert answer.status_code in (200, 201), answer.text

    return prepare


def _without(name: str) -> Prepare:
    """Recordings call all jobs of a kind by this name; another exchange has made one."""

    def prepare(emulators: Emulators, exchange: Exchange) -> None:
        emulators.where(exchange).ml("DELETE", f"jobs/{name}")

    return prepare


def _all(*parts: Prepare) -> Prepare:
    def prepare(emulators: Emulators, exchange: Exchange) -> None:
        for part in parts:
            part(emulators, exchange)

    return prepare


def _recorded(topic: str, index: int) -> dict[str, Any]:
    """``properties`` of a recorded answer, or of the first item of a recorded list."""
    [found] = [e.response_body for e in exchanges() if (e.topic, e.index) == (topic, index)]
    properties = (found.get("value") or [found])[0]["properties"]
    return {name: value for name, value in properties.items() if name != "environmentType"}


def _deleted(path: str) -> Prepare:
    return lambda emulators, exchange: emulators.where(exchange).ml("DELETE", path) and None


def _stubborn_job(name: str) -> Prepare:
    """A job that runs and takes a while to end when it is cancelled."""

    def prepare(emulators: Emulators, exchange: Exchange) -> None:
        running = emulators.storage
        command = "trap '' TERM; echo ready; sleep 300"
        running.put(f"jobs/{name}", running.command_job(command=command, computeId=None))
        running.wait_for(name, "Running")
        while b"ready" not in _log(emulators, name):
            time.sleep(0.05)

    return prepare


def _log(emulators: Emulators, name: str) -> bytes:
    files = emulators.storage.history("GET", f"runs/{name}/details").json()["logFiles"]
    url = files.get("user_logs/std_log.txt")
    return emulators.storage.http.get(url, headers={"Authorization": ""}).content if url else b""


def _cancelled(name: str) -> Prepare:
    return lambda emulators, exchange: emulators.storage.wait_for(name, "Canceled") and None


def _blob(path: str, content: bytes = b"", kind: str = "BlockBlob") -> Prepare:
    def prepare(emulators: Emulators, exchange: Exchange) -> None:
        place = emulators.mapped(exchange, path)
        made = emulators.blob(
            "PUT", place, {"x-ms-blob-type": kind}, b"" if kind == "AppendBlob" else content
        )
        assert made.status_code == 201, made.text
        if kind == "AppendBlob" and content:
            assert emulators.blob("PUT", f"{place}?comp=appendblock", {}, content).status_code == 201

    return prepare


def _pipeline(name: str, *nodes: str) -> Prepare:
    """A pipeline that has completed, each of its nodes a component for it alone."""

    def prepare(emulators: Emulators, exchange: Exchange) -> None:
        running = emulators.where(exchange)
        path = "components/azureml_anonymous/versions/{}"
        jobs = {}
        for node in nodes:
            version = str(uuid.uuid5(uuid.NAMESPACE_URL, node))
            spec = {**COMPONENT, "name": "azureml_anonymous", "version": "1", "command": f"echo {node}"}
            _put(path.format(version), {"componentSpec": spec, "isAnonymous": True})(emulators, exchange)
            jobs[node] = {"type": "command", "componentId": f"{running.workspace}/{path.format(version)}"}
        properties = {
            "jobType": "Pipeline",
            "jobs": jobs,
            "computeId": f"{running.workspace}/computes/cpu-cluster",
            "tags": {"emulator.seconds": "0"},
        }
        running.put(f"jobs/{name}", properties)
        running.wait_for(name, "Completed")

    return prepare


def _operation(emulators: Emulators, exchange: Exchange) -> None:
    """The operation of the exchange before it: it has another id each time."""
    [before] = [e for e in exchanges() if (e.topic, e.index) == ("code", 7)]
    location = emulators.replay(before).headers["Location"]
    emulators.names[exchange.url.rpartition("/")[2]] = location.rpartition("/")[2]


def _reusing_pipeline(emulators: Emulators, exchange: Exchange) -> None:
    """The recorded pipeline with its two steps, which reuse those of another one."""
    for name in ("test_215383168621", "test_949348733858"):
        _pipeline(name, *STEPS)(emulators, exchange)
        runs = emulators.jobs.history("GET", f"runs/{name}/children").json()["value"]
        for node, known in STEPS.items():
            [run] = [run for run in runs if run["displayName"] == node]
            for recorded, member in zip(known[name], ("runId", "azureml.nodeid"), strict=True):
                emulators.names[recorded] = run.get(member) or run["properties"][member]


STEPS = {
    "hello_world_inline_commandjob_2": {
        "test_215383168621": ("9146e8cf-2c9c-4a43-8fea-b08a38e34c87", "2e1d9d3e"),
        "test_949348733858": ("963d5430-390c-4802-a4b3-9d2b97738fee", "e3833144"),
    },
    "hello_world_inline_commandjob_1": {
        "test_215383168621": ("762637b5-7414-45e8-aae1-fe77a5861521", "025b5ac4"),
        "test_949348733858": ("3b1793b9-f785-41d9-8490-6eb4398bf6b7", "241c62e1"),
    },
}
"""Nodes -> pipelines -> the names of their runs and nodes in the recordings."""
COMPONENT: dict[str, Any] = {"type": "command", "command": "true", "environment": "azureml:AzureML-any:1"}
NUMBER = {"component_in_number": {"type": "number", "optional": True}}


def _reached(name: str, *statuses: str) -> Prepare:
    return lambda emulators, exchange: emulators.jobs.wait_for(name, *statuses) and None


def _lasting_sweep(name: str) -> Prepare:
    """The recorded sweep once more, with trials that run for long."""

    def prepare(emulators: Emulators, exchange: Exchange) -> None:
        running = emulators.jobs
        running.ml("POST", f"jobs/{name}/cancel")
        running.wait_for(name, "Canceled", "Completed")
        assert running.ml("DELETE", f"jobs/{name}").status_code == 200
        [body] = [e.request_body for e in exchanges() if (e.topic, e.index) == ("sweep_job", 0)]
        properties = {**body["properties"], "tags": {"emulator.seconds": "600"}}
        _put(f"jobs/{name}", properties)(emulators, exchange)
        while f"_aml_system_{name}_1" not in running.get(f"jobs/{name}")["tags"]:
            time.sleep(0.05)

    return prepare


def _failed_automl_job(name: str) -> Prepare:
    """The recorded job, as it must have been submitted, whose trials fail."""
    theirs = ("status", "services", "outputs", "properties", "tags")

    def prepare(emulators: Emulators, exchange: Exchange) -> None:
        running = emulators.jobs
        recorded = _recorded("failed_job", 0)
        sent = {member: value for member, value in recorded.items() if member not in theirs}
        sent["computeId"] = f"{running.workspace}/computes/cpu-cluster"
        running.admin("POST", "scripts", {"job": name, "outcome": "failed", "seconds": 0, "times": 1})
        _put(f"jobs/{name}", sent, "2022-06-01-preview")(emulators, exchange)
        running.wait_for(name, "Failed")

    return prepare


def _compute_operation(recorded: str, seconds: int) -> Prepare:
    """An operation on some compute that takes so long, under the id of the recorded one."""

    def prepare(emulators: Emulators, exchange: Exchange) -> None:
        running = emulators.where(exchange)
        running.admin("PATCH", "settings", {"compute_seconds": seconds})
        properties = {"computeType": "ComputeInstance", "properties": {"vmSize": "Standard_DS2_v2"}}
        made = running.ml(
            "PUT", f"computes/{exchange.topic}-of-{exchange.index}x", {"properties": properties}
        )
        running.admin("PATCH", "settings", {"compute_seconds": 0})
        emulators.names[recorded] = made.headers["Azure-AsyncOperation"].partition("?")[0].rpartition("/")[2]

    return prepare


def _quick_operations(emulators: Emulators, exchange: Exchange) -> None:
    emulators.where(exchange).admin("PATCH", "settings", {"compute_seconds": 0})


def _idle_time(name: str, duration: str) -> Prepare:
    """A cluster that keeps its nodes for another time."""

    def prepare(emulators: Emulators, exchange: Exchange) -> None:
        scale = {"maxNodeCount": 2, "minNodeCount": 0, "nodeIdleTimeBeforeScaleDown": duration}
        body = {"properties": {"properties": {"scaleSettings": scale}}}
        assert emulators.where(exchange).ml("PATCH", f"computes/{name}", body).status_code == 200

    return prepare


def _component(name: str) -> Prepare:
    """The component that the exchange changes, with other words."""

    def prepare(emulators: Emulators, exchange: Exchange) -> None:
        properties = exchange.request_body["properties"]
        spec = {**properties["componentSpec"], "display_name": "Old", "description": "Old"}
        _put(f"components/{name}/versions/0.0.1", {**properties, "componentSpec": spec})(emulators, exchange)

    return prepare


LOGS = "/azureml/ExperimentRun/dcid.test_154849249225/logs/azureml"
CODE = "codes/3f8da52e-b145-44b7-8fc2-399e3d40f070/versions/1"
DATA = "data/test_369006372062/versions"
ENVIRONMENT = {"image": "docker.io/library/python:3.11"}
CHILD = {
    "dataType": "uri_folder",
    "dataUri": "azureml://datastores/workspaceartifactstore/paths/ExperimentRun/dcid.test_154849249225/",
}


def preparations() -> dict[tuple[str, int], Prepare]:
    """What an exchange needs beyond those before it, which are replayed in their order."""
    train = (
        "/azureml-blobstore-86253a4f-a7a6-4008-8c86-ce9cf2978bc1/LocalUpload/00000000000000000000000000000000"
    )
    [log] = [e.response_body for e in exchanges() if (e.topic, e.index) == ("logs", 1)]
    second = {**_recorded("lists", 2), "dataUri": _recorded("data", 6)["dataUri"]}
    return {
        ("cancel", 0): _pipeline("000000000000000000000", "only"),
        ("cancel", 1): _all(_deleted("jobs/000000000000000000000"), _stubborn_job("000000000000000000000")),
        ("cancel", 2): _cancelled("000000000000000000000"),
        ("cancel", 3): _stubborn_job("test_440656454894"),
        ("cancel", 5): _cancelled("test_440656454894"),
        ("cancel", 6): _stubborn_job("test_551947383965"),
        ("cancel", 8): _cancelled("test_551947383965"),
        ("code", 1): _blob(f"{train}/training/train_mlflow.py"),
        ("code", 3): _put(CODE, _recorded("code", 3)),
        ("code", 5): _put("codes/test_258295764843/versions/1", _recorded("code", 5)),
        ("command_job", 7): _reached("test_259569344068", "Running", "Completed"),
        ("command_job", 8): _put("environments/test_336753143760/versions/bar", ENVIRONMENT),
        ("component", 1): _component("test_69919977363"),
        ("compute", 2): _quick_operations,
        ("compute", 3): _compute_operation("c7300f1e-b4d2-48ee-bae3-851a21c225e9", 600),
        ("compute", 4): _compute_operation("c7300f1e-b4d2-48ee-bae3-851a21c225e9", 0),
        ("compute", 6): _idle_time("test277906499132", "PT3M20S"),
        ("compute", 8): _compute_operation("0e7fe185-41ba-41b8-bd47-03d1be0441c6", 600),
        ("data", 7): _put(f"{DATA}/1", {**_recorded("data", 6), "isArchived": True}),
        ("data", 9): _put(
            "data/test_371783499292/versions/foo", {"dataType": "uri_file", "dataUri": "https://a/b"}
        ),
        ("errors", 0): _deleted("data/list_data_v2_test/versions/1"),
        ("failed_job", 0): _failed_automl_job("000000000000000000000"),
        ("lists", 1): _put("environments/test_281837473308/versions/bar", _recorded("lists", 1)),
        ("lists", 2): _all(
            _put(f"{DATA}/1", {**_recorded("data", 6), "isArchived": True}),
            _put(f"{DATA}/2", second),
        ),
        ("code", 8): _operation,
        ("lists", 3): _put(f"{DATA}/1", _recorded("data", 6)),
        ("logs", 0): _all(
            _blob(f"{LOGS}/executionlogs.txt", base64.b64decode(log), "AppendBlob"),
            _blob(f"{LOGS}/stderrlogs.txt", kind="AppendBlob"),
        ),
        ("pipeline_job", 0): _put(
            "components/microsoftsamplescommandcomponentbasic_nopaths_test/versions/1",
            {"componentSpec": {**COMPONENT, "inputs": NUMBER}},
        ),
        ("pipeline_job", 1): _reached("test_513304655485", "Running"),
        ("pipeline_job", 2): _reusing_pipeline,
        ("pipeline_job", 3): _all(
            _without("000000000000000000000"),
            _put(
                "components/azureml_anonymous/versions/b4304f1b-7e1d-43ee-afa8-0a9d63085852",
                {"componentSpec": {**COMPONENT, "inputs": {"whom": {"type": "string"}}}},
            ),
        ),
        ("run_history", 3): _put("data/azureml_test_154849249225_output_data_default/versions/1", CHILD),
        ("run_history", 4): _pipeline("test_154849249225", "only"),
        ("sweep_job", 1): _lasting_sweep("test_372297463163"),
        **serving_exchanges.preparations(),
    }


NOT_EMULATED: dict[str, str] = {
    "command_job 2": "the distribution Ray, which never became general",
    "command_job 3": "the job with the distribution Ray",
    "command_job 4": "the job with the distribution Ray",
    "command_job 5": "the job with the distribution Ray",
    "datastore 2": "file shares",
    "datastore 3": "making and deleting datastores",
    "datastore 4": "making and deleting datastores",
}
"""Topic and number -> what is not emulated."""
NOT_ASKED = {"command_job 3", "command_job 4", "command_job 5", "datastore 2"}
"""Those whose route is there for other things, and what they ask about cannot be made. Others are asked."""

ON_PURPOSE: tuple[tuple[str, str, str], ...] = (
    (
        "(command_job|sweep_job) .*",
        r"\.properties\.properties\.(ContentSnapshotId|user_agent) is only recorded",
        "it has no code snapshots, and is not that build of the service",
    ),
    ("command_job 7", r"\.properties\.status: .*", "a simulated job is on its way at once"),
    ("code 4", r"\.properties\.properties\.hash_.*", "the recorder put zeros for the hash"),
    (
        "code 6",
        r"\.(blobReferenceForConsumption\..*|temporaryDataReferenceId): .*",
        "its own storage account, and ids of its own",
    ),
    (
        "compute .*",
        r"\.properties\.properties\.(allocationState|vmSize|remoteLoginPortPublicAccess|currentNodeCount"
        r"|targetNodeCount|nodeStateCounts\..*|scaleSettings\..*): .*",
        "its cluster has another size, does not scale, and takes no logins",
    ),
    (
        "compute 1",
        r".*\.enableBatchPrivateLink is only recorded",
        "enableBatchPrivateLink: in no API definition",
    ),
    ("datastore 0|lists 6", r".*\.(accountName|containerName): .*", "its own storage account"),
    ("datastore 1", r"\.key: .*", "the recorded key was taken out"),
    (
        "failed_job 0",
        r"\.properties\.(computeId|properties\.target|properties\.errors): .*",
        "its own cluster, and why its trials failed",
    ),
    (
        "failed_job 0",
        r"\.properties\.(properties|tags)\..* is only recorded"
        r"|\.properties\.tags\._aml_system_automl_run_workspace_id: .*",
        "what its runs do not have: settings of the service's library, snapshots, git",
    ),
    ("lists 4", r"\.value.*", "it has two datastores, the default and that of artifacts"),
    (
        "lists 5",
        r"\.nextLink is only recorded|\.value.* has .*",
        "the models of that workspace are not there, but those of the exchanges before",
    ),
    ("logs 0", r"element .*", "Azurite lists fewer facts of a blob"),
    ("logs 3", "header Content-MD5 is only in our answer", "Azurite knows the hash of an append blob"),
    ("run_history 1", r"\..*", "one host for everything; services that are not emulated are left out"),
    (
        "run_history .*",
        r".*\.(actionUris\.Cancel|cancelUri|displayName|description|azureml\.moduleid): .*",
        "its own names and URLs",
    ),
    ("run_history .*", r".*\.userPuId: None instead of 'REDACTED'", "an application has none"),
    (
        "pipeline_job 0",
        r"\.properties\.(status: .*|properties\.(azureml\.\w+|runSource|runType) is only recorded)",
        "a pipeline begins as in the later recording, 3: NotStarted, and without properties",
    ),
    (
        "run_history (0|2)",
        r".*\.properties\.(ContentSnapshotId|Process\w+File) is only recorded",
        "it has no code snapshots, and no such files",
    ),
    (
        "run_history (0|2)",
        r".*\.tags\._aml_system_ComputeTargetStatus: .*",
        "its cluster has another size",
    ),
    ("run_history .*", r".*\.tags\.emulator\.seconds is only in our answer", "a tag makes its jobs quick"),
    ("run_history 4", r"\.runDefinition: .*", "run definitions are not emulated"),
    (
        "run_history 4",
        r"\.runMetadata\.(currentAttemptId|retainForLifetimeOfWorkspace|statusRevision): .*",
        "it counts neither attempts nor revisions",
    ),
    (
        "run_history 4",
        r"\.runMetadata\.(outputs|tags)\.\w+ is only recorded",
        "another pipeline, without processes: it has no outputs",
    ),
    ("run_history 4", r".*\.azureml\.pipelines\.stages: .*", "other times"),
    (
        "sweep_job .*",
        r"\.properties\.tags\._aml_system_.* is only recorded",
        "written by the sweep itself, soon after the PUT, as far as the emulator has what they tell of",
    ),
    (
        "sweep_job 1",
        r"\.properties\.tags\._aml_system_test_\d+_\d: .*",
        "random sampling drew other values",
    ),
    ("sweep_job 1", r"\.properties\.tags\.emulator\.seconds .*", "a tag lets its trials run for long"),
    ("sweep_job 1", r".*\.space_size is only recorded", "not told of a random sampling's space"),
    (
        "workspace 0",
        r"\.properties\.(applicationInsights|containerRegistry|enableDataIsolation|keyVault|notebookInfo"
        r"|linkedModelInventoryArmId|privateLinkCount|sasGetterUri|sdkTelemetryAppInsightsKey"
        r"|softDeleteEnabled|storageHnsEnabled) is only recorded",
        "it has no key vault, registry, insights, notebooks and private links",
    ),
    (
        "workspace 0",
        r"\.(name|properties\.(description|discoveryUrl|friendlyName|mlFlowTrackingUri|storageAccount)): .*",
        "its own names and URLs",
    ),
    *serving_exchanges.ON_PURPOSE,
)
"""Exchanges (a pattern of topic and number), differences (a pattern), and why."""


def reason(exchange: Exchange, difference: str) -> str | None:
    """Why the emulator differs there; None if it should not."""
    name = f"{exchange.topic} {exchange.index}"
    for exchange_pattern, pattern, why in ON_PURPOSE:
        if re.fullmatch(exchange_pattern, name) and re.fullmatch(pattern, difference, re.DOTALL):
            return why
    return None
