"""The sessions of azure-ai-ml with models, endpoints, deployments and computes, and where ours differ.

``python -m tests.contract.resource_sessions`` rewrites the table in docs/fidelity.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest

from tests.contract import fidelity

BEGIN = "<!-- The table of sessions is made by the contract tests. -->\n"
END = "<!-- End of the table of sessions. -->\n"


@dataclass(frozen=True)
class Beside:
    """What is not the same in a session of azure-ai-ml and in ours.

    ``theirs``, ``ours``: requests that one of the two makes, and why. ``bodies``: differences in what both
    send, as ``request: member: theirs -> ours``, and why.
    """

    theirs: Mapping[str, str] = field(default_factory=dict)
    ours: Mapping[str, str] = field(default_factory=dict)
    bodies: Mapping[str, str] = field(default_factory=dict)


LOOK = "what is as asked already is not sent again"
PLACE = "the location is that of the resource"
REREAD = "the provider sends what was asked for; azure-ai-ml changes what it has read"
WORKSPACE = "what was asked for has no location of its own"
MARK = (
    "azure-ai-ml marks a complete upload on one blob, and looks at that alone; the provider lists what is "
    "there"
)
SECRET = (
    "azure-ai-ml asks for a signature; the provider writes as the connection's identity, while that is "
    "allowed"
)
DEFAULT = "the same datastore: azure-ai-ml finds it by its name, the provider as the default one"
NEXT = "azure-ai-ml reads the next version from the name; the provider counts the versions that there are"
LATEST = "azure-ai-ml looks for the latest version; the provider has a number"
SAME = "with the same content it is not made again, also if the search by hash does not know it"
ANONYMOUS = "azure-ai-ml draws a name for the model; the provider takes that of its files, and is found again"
COMPUTE = "a wrong name is found before anything is sent"
ENDPOINT = "whether the endpoint is there is known to the task that makes it, or said by the service"
IDLE = "what gets requests is not deleted"
EXISTS = "the endpoint refuses a deployment that it does not have"
CONTENT = "says what the model was made of: the service may move the files"
FOLDER = "a folder ends with a slash"
UPLOAD = "names the upload"
TEXT = "a text, as in Microsoft's definitions"
SYSTEM = "the default, said"
ONCE = "azure-ai-ml has a letter wrong in the header's name"
OWN_FOLDER = "each request writes to a folder of its own, by which its job is found"

_CODE = {
    'POST codes/code/versions/1/startPendingUpload: pendingUploadId: - -> "guid"': UPLOAD,
    'PUT codes/code/versions/1: properties.properties.hash_version: 202208 -> "202208"': TEXT,
    'PUT environments/environment/versions/1: properties.osType: - -> "Linux"': SYSTEM,
}
_OURS_UPLOADED = {
    "GET .?comp=list": MARK,
    "GET datastores": DEFAULT,
    "GET codes/code/versions/1": SAME,
    "GET environments/environment/versions/1": SAME,
}
_DATASTORE = {
    "GET datastores/workspaceblobstore": DEFAULT,
    "POST datastores/workspaceblobstore/listSecrets": SECRET,
}
_REQUEST_ID = {
    'POST jobs: headers.repeatability_request-id: "" -> -': ONCE,
    'POST jobs: headers.repeatability-request-id: - -> ""': ONCE,
}


def _marked(file: str) -> dict[str, str]:
    return {f"HEAD {file}": MARK, f"PUT {file}?comp=metadata": MARK}


def _content(model: str) -> str:
    return f'PUT models/{model}/versions/1: properties.properties: - -> {{"airflow_content": "hash"}}'


def _folder(model: str, folder: str) -> str:
    uri = f"azureml://datastores/workspaceblobstore/paths/LocalUpload/hash/{folder}"
    return f'PUT models/{model}/versions/1: properties.modelUri: "{uri}" -> "{uri}/"'


_PREDICTIONS = "azureml://datastores/workspaceblobstore/paths"

SESSIONS: dict[str, Beside] = {
    "batch-deployment-create": Beside(
        {
            "GET batchEndpoints/mnist-batch": ENDPOINT,
            **_marked("code/batch_driver.py"),
            "GET environments/batch-torch-py38": NEXT,
            "GET models/mnist-classifier-torch": NEXT,
            **_DATASTORE,
            **_marked("LocalUpload/hash/model/model.pt"),
        },
        {
            **_OURS_UPLOADED,
            "GET computes/batch-cluster": COMPUTE,
            "GET batchEndpoints/mnist-batch/deployments/mnist-torch-dpl": LOOK,
        },
        {
            _folder("mnist-classifier-torch", "model"): FOLDER,
            _content("mnist-classifier-torch"): CONTENT,
            **_CODE,
        },
    ),
    "batch-endpoint-create": Beside(ours={"GET batchEndpoints/mnist-batch": LOOK}),
    "batch-endpoint-default": Beside({"GET .": PLACE}),
    "batch-invoke": Beside(
        bodies={
            f'POST jobs: properties.outputData.score.uri: "{_PREDICTIONS}/out/predictions.csv" -> '
            f'"{_PREDICTIONS}/out/of-the-task/predictions.csv"': OWN_FOLDER,
            **_REQUEST_ID,
        }
    ),
    "batch-invoke-asset": Beside(
        bodies={
            'POST jobs: properties.inputData.n.value: 3 -> "3"': TEXT,
            'POST jobs: properties.outputData: - -> {"score": {"jobOutputType": "UriFile", "uri": '
            f'"{_PREDICTIONS}/airflow/of-the-task/predictions.csv"}}}}': OWN_FOLDER,
            **_REQUEST_ID,
        }
    ),
    "compute-create": Beside(ours={"GET computes/low-pri-example": LOOK}),
    "compute-delete": Beside(ours={"GET computes/low-pri-example": LOOK}),
    "compute-instance-create": Beside(ours={"GET computes/basic-example-i": LOOK}),
    "compute-scale": Beside(
        ours={"GET .": WORKSPACE},
        bodies={
            "PUT computes/low-pri-example: properties.properties.remoteLoginPortPublicAccess: "
            '"Disabled" -> "NotSpecified"': REREAD
        },
    ),
    "compute-start": Beside(ours={"GET computes/ci": LOOK}),
    "compute-stop": Beside(ours={"GET computes/ci": LOOK}),
    "model-auto-version": Beside(bodies={_content("auto-model2"): CONTENT}),
    "model-create-from-job-output": Beside(
        {"GET models/run-model": NEXT},
        bodies={
            'PUT models/run-model/versions/1: properties.jobName: - -> "myjob"': "the model's lineage",
            _content("run-model"): CONTENT,
        },
    ),
    "model-create-local-mlflow": Beside(
        {
            "GET models/local-mlflow-example": NEXT,
            **_DATASTORE,
            **_marked("LocalUpload/hash/mlflow-model/MLmodel"),
        },
        {"GET .?comp=list": MARK, "GET datastores": DEFAULT},
        {
            _folder("local-mlflow-example", "mlflow-model"): FOLDER,
            _content("local-mlflow-example"): CONTENT,
        },
    ),
    "model-share-to-registry": Beside(
        {"GET registries/reg/models/auto-model/versions": LATEST},
        {"GET discovery": "where registries are asked for; azure-ai-ml knows the host"},
    ),
    "online-deployment-create": Beside(
        {
            "GET onlineEndpoints/my-endpoint": ENDPOINT,
            **_marked("onlinescoring/score.py"),
            "GET models/hash/versions": ANONYMOUS,
            **_DATASTORE,
            **_marked("LocalUpload/hash/model/sklearn_regression_model.pkl"),
            "PUT models/hash/versions/1": ANONYMOUS,
        },
        {
            **_OURS_UPLOADED,
            "GET models/model/versions": ANONYMOUS,
            "PUT models/model/versions/1": ANONYMOUS,
            "GET onlineEndpoints/my-endpoint/deployments/blue": LOOK,
        },
        {
            **_CODE,
            "PUT onlineEndpoints/my-endpoint/deployments/blue: properties.model: "
            '"models/hash/versions/1" -> "models/model/versions/1"': ANONYMOUS,
        },
    ),
    "online-deployment-delete": Beside(
        ours={
            "GET onlineEndpoints/my-endpoint": IDLE,
            "GET onlineEndpoints/my-endpoint/deployments/blue": LOOK,
        }
    ),
    "online-deployment-scale": Beside(
        {"GET onlineEndpoints/my-endpoint": ENDPOINT},
        bodies={
            "PUT onlineEndpoints/my-endpoint/deployments/blue: properties.scaleSettings: "
            '{"scaleType": "Default"} -> -': REREAD
        },
    ),
    "online-endpoint-create": Beside(ours={"GET onlineEndpoints/my-endpoint": LOOK}),
    "online-endpoint-delete": Beside(ours={"GET onlineEndpoints/my-endpoint": LOOK}),
    "online-endpoint-traffic": Beside({"GET .": PLACE}),
    "online-invoke-deployment": Beside({"GET onlineEndpoints/my-endpoint/deployments": EXISTS}),
    "online-invoke-key": Beside(),
    "online-logs": Beside(
        bodies={
            "POST onlineEndpoints/my-endpoint/deployments/blue/getLogs: containerType: "
            '- -> "InferenceServer"': SYSTEM
        }
    ),
}

NOT_OFFERED = {
    "batch-list-jobs": "a task waits for its own job; the jobs of a workspace are in the studio",
    "compute-detach": "a teardown deletes what costs money; `az ml compute detach` is for people",
    "compute-restart": "a task starts or stops an instance, whichever state it is in",
    "registry-model-create": "a model is promoted from a workspace, where its job is known",
}
"""Sessions of operations that this provider does not offer, and why."""


def table() -> str:
    """All differences as Markdown."""
    head = ["session", "azure-ai-ml alone", "the provider alone", "what both send"]
    lines = [f"| {' | '.join(head)} |", "|---|---|---|---|"]
    for session, beside in sorted(SESSIONS.items()):
        columns = [[f"`{what}`: {why}" for what, why in one.items()] for one in _columns(beside)]
        rows = list(zip_longest(*columns, fillvalue="")) or [("", "", "the same")]
        for number, row in enumerate(rows):
            lines.append(f"| {f'`{session}`' if number == 0 else ''} | {' | '.join(row)} |")
    lines += [f"| `{session}` | not offered: {why} | | |" for session, why in sorted(NOT_OFFERED.items())]
    return "\n".join(lines)


def _columns(beside: Beside) -> tuple[Mapping[str, str], ...]:
    return beside.theirs, beside.ours, beside.bodies


def page() -> str:
    """The page as it should be."""
    return fidelity.page_with(table(), BEGIN, END)


if __name__ == "__main__":
    fidelity.PAGE.write_text(page())
