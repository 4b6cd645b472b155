"""References to assets in requests, checked before anything is kept."""

from __future__ import annotations

import re

from airflow_provider_amlrest.emulator.answers import invalid
from airflow_provider_amlrest.emulator.arm.asset_shapes import not_found
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.registries import find_asset, parse_reference
from airflow_provider_amlrest.emulator.store import AssetRecord

SHORT_NAME = re.compile(r"azureml:([^:@/]+):([^:@/]+)")
LATEST_CURATED = re.compile(r"azureml:AzureML-[^:@/]+@latest")
ASSET_ID = re.compile(
    r"/?subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.MachineLearningServices/workspaces/([^/]+)"
    r"/(environments|codes|models)/([^/]+)/versions/([^/]+)",
    re.IGNORECASE,
)


def referenced_asset(call: Call, reference: str, kind: str) -> AssetRecord | None:
    """The version that a checked reference means; None for what is no asset of the workspace."""
    match = SHORT_NAME.fullmatch(reference)
    if match:
        return call.store.asset(call.home, kind, match[1], match[2])
    match = ASSET_ID.fullmatch(reference)
    return call.store.asset(call.home, match[4].lower(), match[5], match[6]) if match else None


def check_reference(call: Call, reference: str | None, kind: str = "environments") -> None:
    """Check that the workspace has what a request refers to; ``kind`` is what a short name means.

    Curated environments (AzureML-...) and what is in no registry of ours are taken as they are.

    Raises:
        MlError: 400 for what is no reference or leads elsewhere, 404 for what is not there.
    """
    if reference is None:
        return
    settings = call.context.settings
    shared = parse_reference(reference)
    if shared is not None and settings.registry(shared.registry) is not None:
        if find_asset(settings, call.store, shared) is None:
            raise not_found(shared.kind, shared.name, shared.version or "latest")
        return
    if match := SHORT_NAME.fullmatch(reference):
        name, version = match[1], match[2]
    elif match := ASSET_ID.fullmatch(reference):
        if call.context.workspace(match[1], match[2], match[3]) != call.workspace:
            raise invalid("properties", f"{reference} belongs to another workspace")
        kind, name, version = match[4].lower(), match[5], match[6]
    elif reference.startswith("azureml://") or LATEST_CURATED.fullmatch(reference):
        return
    else:
        raise invalid("properties", f"{reference!r} is neither an ARM id nor azureml:name:version")
    if name.startswith("AzureML-") and kind == "environments":
        return
    if call.store.asset(call.home, kind, name, version) is None:
        # Best guess: the service answers a missing component of a pipeline like this (404 on the PUT).
        raise not_found(kind, name, version)
