"""The emulator's answers, against the response definitions in Microsoft's OpenAPI files of the same version.

Every emulated operation is asked in each version that has such files, also for what another version made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import httpx
import pytest

from tests.contract.openapi import FILES as VERSIONS
from tests.contract.responses import answers
from tests.contract.tally import count
from tests.emulator.running import REGISTRY, Running

OLD = "2021-03-01-preview"


class Checked:
    """An emulator whose every answer is held against the definitions of the version that was asked."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.workspace = running.workspace

    def ask(
        self, version: str, method: str, path: str, body: Any = None, *, expect: int, **query: str
    ) -> httpx.Response:
        return self._checked(
            version, path, self.running.ml(method, path, body, version=version, **query), expect
        )

    def ask_registry(
        self, version: str, method: str, path: str, body: Any = None, *, expect: int
    ) -> httpx.Response:
        query = {"api-version": version}
        return self._checked(version, path, self.running.shared(method, path, body, **query), expect)

    def _checked(self, version: str, path: str, answer: httpx.Response, expect: int) -> httpx.Response:
        method = answer.request.method
        assert answer.status_code == expect, answer.text
        content = answer.json() if answer.content.strip() not in (b"", b"null") else None
        found = answers(version).problems(method, str(answer.url), expect, content)
        problems = [f"{path or 'workspace'}{problem}" for problem in found]
        assert [problem for problem in problems if not _is_known(problem)] == [], (version, method)
        count(f"answers validated against the OpenAPI of {version}")
        return answer


KNOWN = (
    # Recorded: workspace [0].
    r"workspace\.etag is unknown",
    r"workspace\.kind is unknown",
    r"workspace\.properties\.imageBuildCompute is null",
    # Recorded: datastore [0].
    r"datastores.*\.properties\.credentials\.secrets is missing",
    # Recorded: errors [2].
    r"computes/none: the body is None",
    # Recorded: compute [2], a cluster that is Creating.
    r"computes.*\.allocationState is null",
    # A job made in 2024-04-01, read in 2023-04-01: what came later is answered as it was given.
    r"jobs.*\.properties\.outputs\.d\.mode is 'Direct', none of .*",
)
"""Where the emulator's answers are not what the files say, and why not."""


def _is_known(problem: str) -> bool:
    return any(re.fullmatch(pattern, problem) for pattern in KNOWN)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checked]:
    running = Running(tmp_path_factory.mktemp("responses") / "data", "--runtime", "simulated")
    yield Checked(running)
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture(scope="module")
def storing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checked]:
    running = Running(tmp_path_factory.mktemp("secrets") / "data", "--runtime", "host")
    yield Checked(running)
    assert running.stop() == 0, running.log.read_text()


@pytest.mark.parametrize("version", VERSIONS)
def test_workspace_computes_datastores(simulated: Checked, version: str) -> None:
    simulated.ask(version, "GET", "", expect=200)
    simulated.ask(version, "GET", "computes", expect=200)
    simulated.ask(version, "GET", "computes/cpu-cluster", expect=200)
    simulated.ask(version, "GET", "computes/none", expect=404)
    simulated.ask(version, "GET", "datastores", expect=200)
    simulated.ask(version, "GET", "datastores", expect=200, isDefault="true")
    simulated.ask(version, "GET", "datastores/workspaceblobstore", expect=200)
    simulated.ask(version, "GET", "datastores/none", expect=404)


@pytest.mark.parametrize("version", VERSIONS)
def test_secrets_and_uploads(storing: Checked, version: str) -> None:
    storing.ask(version, "POST", "datastores/workspaceblobstore/listSecrets", expect=200)
    storing.ask(version, "GET", "datastores/workspaceblobstore", expect=200)
    if version != OLD:
        body = {"pendingUploadType": "TemporaryBlobReference"}
        storing.ask(version, "POST", "codes/c/versions/1/startPendingUpload", body, expect=200)


@pytest.mark.parametrize("version", [version for version in VERSIONS if version != OLD])
def test_assets_of_a_registry(storing: Checked, version: str) -> None:
    assets = {**NEW_ASSETS, "components": [{"componentSpec": SPEC}]}
    for kind, contents in assets.items():
        for index, properties in enumerate(contents):
            if "azureml://datastores" in str(properties):
                continue
            path = f"{kind}/of-registry/versions/{version}-{index}"[:60]
            storing.ask_registry(version, "PUT", path, {"properties": properties}, expect=201)
            storing.ask_registry(version, "GET", path, expect=200)
        for path in (kind, f"{kind}/of-registry", f"{kind}/of-registry/versions"):
            storing.ask_registry(version, "GET", path, expect=200)
        storing.ask_registry(version, "DELETE", f"{kind}/of-registry/versions/none", expect=204)
    body = {"pendingUploadType": "TemporaryBlobReference"}
    for kind in ("codes", "data", "models"):
        path = f"{kind}/of-registry/versions/1/startPendingUpload"
        place = storing.ask_registry(version, "POST", path, body, expect=200).json()
    if version < "2024":
        return  # It has neither references to data nor promotions.
    storing.ask(
        version,
        "PUT",
        "models/to-registry/versions/1",
        {"properties": {"modelUri": "https://a/m"}},
        expect=201,
    )
    destination = {"registryName": REGISTRY, "destinationVersion": version}
    storing.ask(version, "POST", "models/to-registry/versions/1/publish", destination, expect=202)
    asked = {
        "assetId": f"azureml://registries/{REGISTRY}/data/of-registry/versions/1",
        "blobUri": place["blobReferenceForConsumption"]["blobUri"],
    }
    storing.ask_registry(version, "POST", "datareferences/of-registry/versions/1", asked, expect=200)


SPEC = {"name": "of-registry", "type": "command", "command": "true", "environment": "azureml:AzureML-any:1"}
CONDA = "name: e\ndependencies:\n- python=3.11\n"
NEW_ASSETS: dict[str, list[dict[str, Any]]] = {
    "environments": [
        {"image": "img:1", "condaFile": CONDA, "tags": {"a": "1"}, "description": "d"},
        {"build": {"contextUri": "https://a/b/"}, "osType": "Windows"},
        {"image": "img:2", "inferenceConfig": {"livenessRoute": {"path": "/live", "port": 80}}},
    ],
    "codes": [{"codeUri": "https://a/c/src", "properties": {"hash_sha256": "ab", "hash_version": "202208"}}],
    "data": [
        {"dataType": "uri_file", "dataUri": "https://a/b.csv"},
        {"dataType": "uri_folder", "dataUri": "azureml://datastores/workspaceblobstore/paths/x"},
        {"dataType": "mltable", "dataUri": "https://a/t/", "referencedUris": ["https://a/b.csv"]},
    ],
    "models": [
        {"modelUri": "azureml://datastores/workspaceblobstore/paths/m", "modelType": "custom_model"},
        {"modelUri": "https://a/m/", "flavors": {"sklearn": {"data": {"sklearn_version": "0.23.2"}}}},
    ],
}
OLD_ASSETS: dict[str, list[dict[str, Any]]] = {
    "environments": [
        {"docker": {"dockerSpecificationType": "Image", "dockerImageUri": "img:1"}, "condaFile": CONDA},
        {"docker": {"dockerSpecificationType": "Build", "dockerfile": "FROM a"}, "tags": {"a": "1"}},
    ],
    "codes": [{"path": "LocalUpload/ab12/src", "description": "d"}],
    "data": [{"path": "data/iris.csv"}, {"path": "https://a/b", "datasetType": "Dataflow"}],
    "models": [
        {"path": "models/iris", "flavors": {"sklearn": {"data": {"v": "1"}}}},
        {"path": "https://a/b"},
    ],
}


@pytest.mark.parametrize("kind", ["environments", "codes", "data", "models"])
@pytest.mark.parametrize("version", VERSIONS)
def test_assets(simulated: Checked, version: str, kind: str) -> None:
    for index, properties in enumerate((OLD_ASSETS if version == OLD else NEW_ASSETS)[kind]):
        path = f"{kind}/{version}-{index}"
        container = {} if kind != "data" or version == OLD else {"dataType": properties["dataType"]}
        simulated.ask(version, "PUT", path, {"properties": container}, expect=201)
        simulated.ask(version, "PUT", path, {"properties": container}, expect=200)
        simulated.ask(version, "GET", path, expect=200)
        body = {"properties": properties}
        simulated.ask(version, "PUT", f"{path}/versions/1", body, expect=201)
        again = 201 if kind == "environments" else 200
        simulated.ask(version, "PUT", f"{path}/versions/1", body, expect=again)
        simulated.ask(version, "PUT", f"{path}/versions/2", body, expect=201)
        for reader in VERSIONS:
            simulated.ask(reader, "GET", path, expect=200)
            simulated.ask(reader, "GET", f"{path}/versions/1", expect=200)
            simulated.ask(reader, "GET", f"{path}/versions", expect=200)
            simulated.ask(reader, "GET", f"{path}/versions", expect=200, _top="1")
            simulated.ask(reader, "GET", kind, expect=200)
        simulated.ask(version, "GET", f"{path}/versions/none", expect=404)
        simulated.ask(version, "PUT", f"{path}/versions/3", {"properties": {"nonsense": 1}}, expect=400)
        simulated.ask(version, "DELETE", f"{path}/versions/2", expect=200)
        simulated.ask(version, "DELETE", f"{path}/versions/2", expect=204)
    simulated.ask(version, "DELETE", path, expect=200)
    simulated.ask(version, "DELETE", path, expect=204)
    simulated.ask(version, "GET", path, expect=404)


def new_jobs(simulated: Checked, version: str) -> list[dict[str, Any]]:
    command = simulated.running.command_job(
        displayName="d",
        description="text",
        environmentVariables={"A": "1"},
        inputs={
            "file": {"jobInputType": "uri_file", "uri": "https://a/b", "mode": "Download"},
            "lr": {"jobInputType": "literal", "value": "0.1"},
            "model": {"jobInputType": "mlflow_model", "uri": "https://a/m"},
        },
        outputs={"o": {"jobOutputType": "uri_folder", "mode": "Upload"}, "t": {"jobOutputType": "mltable"}},
        distribution={"distributionType": "PyTorch", "processCountPerInstance": 2},
        identity={"identityType": "Managed", "clientId": "00000000-0000-0000-0000-000000000001"},
        limits={"jobLimitsType": "Command", "timeout": "PT1H"},
        resources={"instanceCount": 1, "dockerArgs": "-v"},
        services={"ssh": {"jobServiceType": "SSH", "nodes": {"nodesValueType": "All"}}},
        tags={"emulator.seconds": "0"},
    )
    sweep = {
        "jobType": "Sweep",
        "objective": {"primaryMetric": "loss", "goal": "minimize"},
        "samplingAlgorithm": {"samplingAlgorithmType": "random"},
        "searchSpace": {"lr": ["uniform", [0.01, 0.9]]},
        "trial": {"command": "train ${{search_space.lr}}", "environmentId": "azureml:env:1"},
        "limits": {"jobLimitsType": "sweep", "maxTotalTrials": 2, "maxConcurrentTrials": 2},
        "earlyTermination": {"policyType": "Bandit", "slackFactor": 0.1, "evaluationInterval": 1},
        "computeId": f"{simulated.workspace}/computes/cpu-cluster",
        "tags": {"emulator.seconds": "0"},
    }
    if version == "2024-04-01":
        command["queueSettings"] = {"jobTier": "Spot"}
        command["outputs"]["d"] = {"jobOutputType": "uri_file", "mode": "Direct"}
        emails = {"emailOn": ["JobFailed"], "emails": ["a@example.invalid"]}
        command["notificationSetting"] = {**emails, "webhooks": {"w": {"webhookType": "AzureDevOps"}}}
    return [command, sweep]


def old_jobs(simulated: Checked) -> list[dict[str, Any]]:
    simulated.running.put("data/i/versions/1", {"dataType": "uri_file", "dataUri": "https://a/b"})
    data = f"{simulated.workspace}/data/i/versions/1"
    trial = {
        "command": "true",
        "environmentId": simulated.running.environment(),
        "inputDataBindings": {"i": {"dataId": data, "mode": "Download"}},
        "outputDataBindings": {"o": {"pathOnDatastore": "out", "mode": "Upload"}},
        "timeout": "PT1H",
    }
    compute = {"target": f"{simulated.workspace}/computes/cpu-cluster", "instanceCount": 1}
    sweep = {
        "jobType": "Sweep",
        "algorithm": "Random",
        "objective": {"primaryMetric": "loss", "goal": "Minimize"},
        "searchSpace": {"--lr": ["uniform", [0.01, 0.9]]},
        "trial": trial,
        "compute": compute,
        "maxTotalTrials": 2,
        "maxConcurrentTrials": 2,
        "earlyTermination": {"policyType": "MedianStopping", "delayEvaluation": 5, "evaluationInterval": 1},
        "tags": {"emulator.seconds": "0"},
    }
    command = {"jobType": "Command", **trial, "compute": compute, "identity": {"identityType": "AMLToken"}}
    return [command | {"tags": {"emulator.seconds": "0"}}, sweep]


@pytest.mark.parametrize("version", VERSIONS)
def test_jobs(simulated: Checked, version: str) -> None:
    jobs = old_jobs(simulated) if version == OLD else new_jobs(simulated, version)
    for index, properties in enumerate(jobs):
        path = f"jobs/{version}-{index}"
        simulated.ask(version, "PUT", path, {"properties": properties}, expect=201)
        simulated.ask(version, "PUT", path, {"properties": properties}, expect=200)
        simulated.running.wait_for(path.partition("/")[2], "Completed")
        for reader in VERSIONS:
            simulated.ask(reader, "GET", path, expect=200)
        changed = {**properties, "experimentName": "other"}
        simulated.ask(version, "PUT", path, {"properties": changed}, expect=400)
    for reader in VERSIONS:
        page = simulated.ask(reader, "GET", "jobs", expect=200).json()
        assert page["value"]
    simulated.ask(version, "GET", "jobs/none", expect=404)
    simulated.ask(version, "PUT", "jobs/none", {"properties": {"jobType": "Command"}}, expect=400)
    waiting = deepcopy(jobs[0])
    waiting["tags"] = {"emulator.outcome": "stuck"}
    simulated.ask(version, "PUT", f"jobs/{version}-cancel", {"properties": waiting}, expect=201)
    cancelled = 200 if version == OLD else 202
    simulated.ask(version, "POST", f"jobs/{version}-cancel/cancel", expect=cancelled)
    for reader in VERSIONS:
        simulated.ask(reader, "GET", f"jobs/{version}-cancel", expect=200)
    simulated.ask(version, "DELETE", f"jobs/{version}-0", expect=200)
    simulated.ask(version, "DELETE", f"jobs/{version}-0", expect=204)


TABLE = {"jobInputType": "mltable", "uri": "https://a/t/"}
SOME_VERSIONS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "AutoML": (
        ("2023-04-01", "2024-04-01"),
        {
            "taskDetails": {
                "taskType": "Forecasting",
                "targetColumnName": "y",
                "trainingData": TABLE,
                "validationData": TABLE,
                "limitSettings": {"maxTrials": 2, "exitScore": 0.1},
                "nCrossValidations": {"mode": "Custom", "value": 3},
                "featurizationSettings": {"mode": "Custom", "blockedTransformers": ["WordEmbedding"]},
                "trainingSettings": {
                    "allowedTrainingAlgorithms": ["LightGBM", "Naive"],
                    "stackEnsembleSettings": {"stackMetaLearnerType": "ElasticNet"},
                },
                "forecastingSettings": {
                    "timeColumnName": "t",
                    "forecastHorizon": {"mode": "Custom", "value": 14},
                    "targetLags": {"mode": "Custom", "values": [1, 2]},
                    "seasonality": {"mode": "Auto"},
                },
            },
            "resources": {"instanceCount": 1},
            "outputs": {"best_model": {"jobOutputType": "mlflow_model"}},
        },
    ),
    "Spark": (
        ("2024-04-01",),
        {
            "codeId": "azureml://registries/r/codes/c/versions/1",
            "entry": {"sparkJobEntryType": "SparkJobPythonEntry", "file": "count.py"},
            "conf": {"spark.driver.cores": "1", "spark.executor.instances": "2"},
            "args": "--in ${{inputs.i}}",
            "inputs": {"i": {"jobInputType": "uri_file", "uri": "https://a/b", "mode": "Direct"}},
            "outputs": {"o": {"jobOutputType": "uri_folder", "mode": "Direct"}},
            "pyFiles": ["a.py"],
            "jars": ["a.jar"],
            "files": ["a.txt"],
            "archives": ["a.zip"],
            "environmentVariables": {"A": "1"},
            "resources": {"instanceType": "standard_e4s_v3", "runtimeVersion": "3.4"},
            "identity": {"identityType": "UserIdentity"},
        },
    ),
}
"""Types of jobs that not every version has: those that do, and the properties of a job."""


@pytest.mark.parametrize("job_type", SOME_VERSIONS)
def test_jobs_that_some_versions_have(simulated: Checked, job_type: str) -> None:
    versions, own = SOME_VERSIONS[job_type]
    properties = {"jobType": job_type, "tags": {"emulator.seconds": "0"}, **own}
    for version in versions:
        path = f"jobs/{job_type}-{version}"
        simulated.ask(version, "PUT", path, {"properties": properties}, expect=201)
        simulated.ask(version, "PUT", path, {"properties": properties}, expect=200)
        simulated.running.wait_for(path.partition("/")[2], "Completed")
        for reader in VERSIONS:
            simulated.ask(reader, "GET", path, expect=200 if reader in versions else 404)
            simulated.ask(reader, "GET", "jobs", expect=200)
    for older in set(VERSIONS) - set(versions):
        simulated.ask(older, "PUT", "jobs/none", {"properties": properties}, expect=400)


NEW = [version for version in VERSIONS if version != OLD]
SPEC = {
    "type": "command",
    "command": "echo ${{inputs.n}} > ${{outputs.o}}/n",
    "environment": "azureml:AzureML-any:1",
    "inputs": {"n": {"type": "integer", "default": 1}},
    "outputs": {"o": {"type": "uri_folder"}},
}


@pytest.mark.parametrize("version", NEW)
def test_components_and_pipelines(simulated: Checked, version: str) -> None:
    path = f"components/c-{version}"
    simulated.ask(version, "PUT", path, {"properties": {"description": "d"}}, expect=201)
    body = {"properties": {"componentSpec": SPEC, "tags": {"a": "1"}}}
    simulated.ask(version, "PUT", f"{path}/versions/1", body, expect=201)
    simulated.ask(version, "PUT", f"{path}/versions/1", body, expect=200)
    other = {"properties": {"componentSpec": {**SPEC, "command": "other"}}}
    simulated.ask(version, "PUT", f"{path}/versions/1", other, expect=409)
    node = {"type": "command", "componentId": f"{simulated.workspace}/{path}/versions/1"}
    pipeline = {
        "jobType": "Pipeline",
        "jobs": {"a": {**node, "outputs": {"o": {"type": "literal", "value": "${{parent.outputs.o}}"}}}},
        "inputs": {"data": {"jobInputType": "uri_file", "uri": "https://a/b"}},
        "outputs": {"o": {"jobOutputType": "uri_folder", "mode": "Upload"}},
        "settings": {"default_compute": "cpu-cluster", "force_rerun": True},
        "tags": {"emulator.seconds": "0"},
    }
    simulated.ask(version, "PUT", f"jobs/p-{version}", {"properties": pipeline}, expect=201)
    simulated.running.wait_for(f"p-{version}", "Completed")
    simulated.ask(version, "PUT", f"jobs/p-{version}", {"properties": pipeline}, expect=200)
    simulated.ask(version, "POST", f"jobs/p-{version}/cancel", expect=400)
    missing = {**pipeline, "jobs": {"a": {**node, "componentId": "azureml:none:1"}}}
    simulated.ask(version, "PUT", "jobs/none", {"properties": missing}, expect=404)
    for reader in NEW:
        for known in ("components", path, f"{path}/versions", f"{path}/versions/1", f"jobs/p-{version}"):
            simulated.ask(reader, "GET", known, expect=200)
    simulated.ask(OLD, "GET", f"jobs/p-{version}", expect=404)
    simulated.ask(version, "DELETE", f"{path}/versions/1", expect=200)
    simulated.ask(version, "DELETE", path, expect=200)


def test_pages(simulated: Checked) -> None:
    before = simulated.running.admin("GET", "settings").json()
    simulated.running.put("jobs/page-1", simulated.running.command_job())
    simulated.running.put("jobs/page-2", simulated.running.command_job())
    simulated.running.admin("PATCH", "settings", {"page_size": 1})
    for version in VERSIONS:
        for path in ("jobs", "environments", "computes", "datastores"):
            assert simulated.ask(version, "GET", path, expect=200).json()["nextLink"]
    simulated.running.admin("PATCH", "settings", before)
