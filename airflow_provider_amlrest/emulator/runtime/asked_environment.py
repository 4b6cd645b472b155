"""Which packages an environment of the workspace asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_amlrest.emulator.runtime.conda import EnvironmentSpec, read_conda_file
from airflow_provider_amlrest.emulator.runtime.data import DataResolver
from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.runtime.stand_ins import stand_in

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.config import Workspace
    from airflow_provider_amlrest.emulator.runtime.services import Services


def environment_spec(services: Services, workspace: Workspace, reference: str) -> EnvironmentSpec:
    """What an environment asks for.

    :raises JobError: the workspace does not have it, or it cannot be had without Docker.
    """
    if spec := stand_in(reference):
        return spec
    asset = DataResolver(services, workspace).asset(reference, "environments")
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
