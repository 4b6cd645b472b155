"""From the words of nodes and components, those of the YAML, to the words of jobs."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Any

from airflow_provider_amlrest.emulator.answers import request_invalid

MODES = {
    "ro_mount": "ReadOnlyMount",
    "rw_mount": "ReadWriteMount",
    "download": "Download",
    "upload": "Upload",
    "direct": "Direct",
    "eval_mount": "EvalMount",
    "eval_download": "EvalDownload",
}
DATA_TYPES = ("uri_file", "uri_folder", "mltable", "custom_model", "mlflow_model", "triton_model")
PATH = "path"
"""The type of data of the first components: a folder."""
DISTRIBUTION = {"mpi": "Mpi", "pytorch": "PyTorch", "tensorflow": "TensorFlow", "ray": "Ray"}
OPTIONAL = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)
INPUT = re.compile(r"\$\{\{\s*inputs\.([^\s}]+)\s*\}\}")
OUTPUT = re.compile(r"\$\{\{\s*outputs\.([^\s}]+)\s*\}\}")


def mode(word: Any) -> Any:
    """Nodes have the words of jobs, components those of the YAML."""
    return MODES.get(word, word)


def data_type(definition: Mapping[str, Any]) -> str | None:
    """The type of a component's input or output, if it is data; None for a value."""
    kind = str(definition.get("type"))
    return "uri_folder" if kind == PATH else kind if kind in DATA_TYPES else None


def camel(values: Mapping[str, Any]) -> dict[str, Any]:
    """``instance_count`` as ``instanceCount``."""
    return {_camel(name): value for name, value in values.items() if value is not None}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def whole(value: Any, where: str) -> int:
    """A whole number, which components have as text."""
    try:
        return int(str(value))
    except ValueError:
        raise request_invalid(f"Invalid value for '{where}': {value!r} is not a whole number") from None


def duration(value: Any, where: str) -> str | None:
    """Seconds, or an ISO 8601 duration as it is."""
    if value is None or (isinstance(value, str) and value.startswith("P")):
        return value
    return f"PT{whole(value, where)}S"


def without_optional(command: str, given: Container[str]) -> str:
    """The command without the parts in ``$[[...]]`` whose inputs have not all been given."""

    def part(match: re.Match[str]) -> str:
        return match[1] if all(name in given for name in INPUT.findall(match[1])) else ""

    return OPTIONAL.sub(part, command)


def asset_id(reference: Any) -> str | None:
    """An id without the prefix that the client puts before ARM ids."""
    return re.sub(r"^azureml:(?=/[^/])", "", str(reference)) if reference else None


def resources(*layers: Mapping[str, Any] | None) -> dict[str, Any]:
    """A job's resources; later layers stand over earlier ones."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged |= camel(layer or {})
    if "instanceCount" in merged:
        merged["instanceCount"] = whole(merged["instanceCount"], "resources.instance_count")
    return merged


def distribution(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A node says ``distribution_type: PyTorch``, a component ``type: pytorch``."""
    if not values:
        return None
    changed = camel(values)
    kind = changed.pop("type", None) or changed.pop("distributionType", None)
    numbers = {name: whole(value, f"distribution.{name}") for name, value in changed.items()}
    return {"distributionType": DISTRIBUTION.get(str(kind).lower(), kind), **numbers}
