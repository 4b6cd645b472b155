"""Assets of registries, by the references that jobs and components hold."""

from __future__ import annotations

import re
from dataclasses import dataclass

from airflow_provider_amlrest.emulator.config import Settings
from airflow_provider_amlrest.emulator.store import AssetRecord, Store

REFERENCE = re.compile(
    r"azureml://registries/(?P<registry>[^/]+)/(?P<kind>\w+)/(?P<name>[^/]+)"
    r"/(?P<by>versions|labels)/(?P<version>[^/]+)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class RegistryReference:
    registry: str
    kind: str
    """Its ARM collection."""
    name: str
    version: str | None
    """None: the latest one; it is the only label there is."""


def parse_reference(text: str) -> RegistryReference | None:
    """``azureml://registries/R/<kind>/<name>/versions/<version>`` or ``.../labels/latest``."""
    match = REFERENCE.fullmatch(text)
    if match is None:
        return None
    version = match["version"] if match["by"].lower() == "versions" else None
    return RegistryReference(match["registry"], match["kind"].lower(), match["name"], version)


def find_asset(settings: Settings, store: Store, reference: RegistryReference) -> AssetRecord | None:
    """What is meant; None if there is no such registry, or it has no such asset."""
    registry = settings.registry(reference.registry)
    if registry is None:
        return None
    if reference.version is None:
        return next(iter(store.assets(registry.home, reference.kind, reference.name)), None)
    return store.asset(registry.home, reference.kind, reference.name, reference.version)
