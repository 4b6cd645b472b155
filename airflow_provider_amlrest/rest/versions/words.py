"""Our words and their spelling on the wire, shared by several kinds of assets and jobs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

DATASTORE_URI = re.compile(r"^azureml://datastores/(?P<datastore>[^/]+)/paths/(?P<path>.+)$")

TYPES_2022_02 = {
    "uri_file": "UriFile",
    "uri_folder": "UriFolder",
    "mltable": "MLTable",
    "literal": "Literal",
    "custom_model": "CustomModel",
    "mlflow_model": "MLFlowModel",
    "triton_model": "TritonModel",
}
"""Types of data, inputs and outputs in the spelling that only 2022-02-01-preview has."""
TYPES_BACK = {wire: neutral for neutral, wire in TYPES_2022_02.items()}
MODES = {
    "ro_mount": "ReadOnlyMount",
    "rw_mount": "ReadWriteMount",
    "download": "Download",
    "upload": "Upload",
    "direct": "Direct",
    "eval_mount": "EvalMount",
    "eval_download": "EvalDownload",
}
MODES_BACK = {wire: neutral for neutral, wire in MODES.items()}
DISTRIBUTIONS = {"pytorch": "PyTorch", "mpi": "Mpi", "tensorflow": "TensorFlow"}


def without_nones(**members: Any) -> dict[str, Any]:
    """A JSON object without the members that are None or empty."""
    return {key: value for key, value in members.items() if value is not None and value != {}}


def iso_duration(seconds: float | None) -> str | None:
    """Seconds as an ISO 8601 duration of whole seconds, rounded up."""
    return None if seconds is None else f"PT{-int(-seconds // 1)}S"


def exact_duration(seconds: float) -> str:
    """Seconds as an ISO 8601 duration, down to a thousandth."""
    whole, _, rest = f"{seconds:.3f}".partition(".")
    rest = rest.rstrip("0")
    return f"PT{whole}.{rest}S" if rest else f"PT{whole}S"


def properties_of(resource: Mapping[str, Any]) -> dict[str, Any]:
    """A resource's properties; a pipeline's child has none."""
    return object_in(resource, "properties")


def object_in(wire: Mapping[str, Any], member: str) -> dict[str, Any]:
    """A member that is a JSON object; empty for null, for none, and for anything else."""
    value = wire.get(member)
    return value if isinstance(value, dict) else {}


def text_map(value: Mapping[str, Any] | None) -> dict[str, str]:
    """Tags or properties of a resource: the service uses null for none, and as a value."""
    return {key: member for key, member in (value or {}).items() if member is not None}


def asset_version(resource: Mapping[str, Any]) -> tuple[str, str]:
    """(name, version) of an asset's version, from its ARM id; the name is empty if the id is not valid."""
    *_, name, _, version = ["", "", *str(resource["id"]).split("/")]
    return name, version


def read_type(wire: str | None) -> str:
    """A type of data or of an output, in the spelling of any api-version."""
    return TYPES_BACK.get(wire or "", wire or "uri_folder")
