"""Code and model of a deployment: from blob storage to its folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.runtime import transfer
from airflow_provider_amlrest.emulator.runtime.data import BlobLocation, DataResolver, WebLocation
from airflow_provider_amlrest.emulator.runtime.errors import JobError

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.config import Workspace
    from airflow_provider_amlrest.emulator.runtime.services import Services

MODELS = "azureml-models"


def fetch_model(services: Services, workspace: Workspace, reference: str, folder: Path) -> Path:
    """Bring a model; where its file, or the folder of its files, lies now.

    As on the service, ``AZUREML_MODEL_DIR`` is the folder that this is in: it keeps the last part of its URI.

    :raises JobError: there is no such model.
    """
    data = DataResolver(services, workspace)
    asset = data.asset(reference, "models")
    location = data.locate(asset.properties["modelUri"] if asset else reference)
    name, version = (asset.name, asset.version) if asset else ("model", "1")
    return _fetch(services, location, folder / name / version, reference)


def fetch_code(
    services: Services, workspace: Workspace, properties: dict[str, Any], folder: Path
) -> Path | None:
    """Bring the code of a deployment; the folder that it lies in now. None: it has none.

    :raises JobError: there is no such code, or its scoring script is not in it.
    """
    given = properties["codeConfiguration"]
    if not given or not given["codeId"]:
        return None
    data = DataResolver(services, workspace)
    asset = data.asset(given["codeId"], "codes")
    if asset is None:
        raise JobError(f"BadArgument: codeId {given['codeId']!r} is no code version of this workspace.")
    target = folder / "code"
    code = _fetch(services, data.locate(asset.properties["codeUri"]), target, given["codeId"])
    if not (code / given["scoringScript"]).is_file():
        script = given["scoringScript"]
        raise JobError(f"BadArgument: the scoring script {script!r} is not in the code {given['codeId']}.")
    return code


def _fetch(services: Services, location: BlobLocation | WebLocation, folder: Path, what: str) -> Path:
    if isinstance(location, WebLocation):
        raise JobError(f"{what} lies at {location.shown}, which is no blob of this workspace.")
    target = folder / (PurePosixPath(location.path).name or "files")
    service = services.blobs.service
    is_file = location.path and service.get_blob_client(location.container, location.path).exists()
    if is_file:
        transfer.download_blob(service, location, target)
    else:
        transfer.download_folder(service, location, target)
    return target
