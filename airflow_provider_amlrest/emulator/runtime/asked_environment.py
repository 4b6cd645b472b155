"""Which packages an environment of the workspace asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_amlrest.emulator.runtime.conda import EnvironmentSpec, read_conda_file
from airflow_provider_amlrest.emulator.runtime.data import BlobLocation, DataResolver
from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.runtime.stand_ins import stand_in

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.config import Workspace
    from airflow_provider_amlrest.emulator.runtime.services import Services


def environment_spec(services: Services, workspace: Workspace, reference: str) -> EnvironmentSpec:
    """What an environment asks for; that of a model is what the model brings along.

    :raises JobError: the workspace does not have it, or it cannot be had without Docker.
    """
    if spec := stand_in(reference):
        return spec
    data = DataResolver(services, workspace)
    if data.is_model(reference):
        return read_conda_file(_conda_file_of_model(services, data, reference))
    asset = data.asset(reference, "environments")
    if asset is None:
        raise JobError(
            f"Environment {reference!r} is not of this workspace or of a registry that the emulator has, and "
            "it has no curated environments: create an environment with the packages you need, or start the "
            "emulator with --runtime host.",
            "NotEmulated",
        )
    if asset.properties.get("build"):
        raise JobError(
            f"Environment {asset.name}:{asset.version} is built from a Docker build context, which is not "
            "emulated: use image and condaFile instead, or start the emulator with --runtime host.",
            "NotEmulated",
        )
    return read_conda_file(asset.properties.get("condaFile"))


def _conda_file_of_model(services: Services, data: DataResolver, reference: str) -> str:
    location = data.locate(reference)
    if isinstance(location, BlobLocation):
        path = f"{location.path}/conda.yaml"
        blob = services.blobs.service.get_blob_client(location.container, path)
        if blob.exists():
            return str(blob.download_blob(encoding="utf-8").readall())
    raise JobError("There is no environment, and the model brings none (conda.yaml).")
