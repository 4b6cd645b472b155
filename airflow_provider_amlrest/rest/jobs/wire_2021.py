"""Jobs in api-version 2021-03-01-preview: that of Microsoft's article "Train models with REST (preview)".

What this version cannot say is refused, never left out silently.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.rest.assets.places_2021 import DATASTORE_ID, datastore_id
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.job import DataInput, Input, LiteralInput, Output
from airflow_provider_amlrest.rest.jobs.lookup import Lookup
from airflow_provider_amlrest.rest.jobs.search_space import SearchDistribution
from airflow_provider_amlrest.rest.versions.api_versions import PREVIEW_2021_03 as API_VERSION
from airflow_provider_amlrest.rest.versions.api_versions import PREVIEW_2022_02
from airflow_provider_amlrest.rest.versions.features import unsupported
from airflow_provider_amlrest.rest.versions.spelling import Spelling, Wire
from airflow_provider_amlrest.rest.versions.words import (
    DATASTORE_URI,
    DISTRIBUTIONS,
    MODES,
    MODES_BACK,
    properties_of,
    without_nones,
)

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.jobs.command import Distribution, Resources

_PLACEHOLDER = re.compile(r"\$\{\{\s*(?P<group>inputs|outputs)\.(?P<name>[\w.\-]+?)\s*\}\}")
_SHELL_OPERATOR = re.compile(r"[;&|<>\n]")


def compute(target: str | Lookup | None, resources: Resources) -> Wire:
    """Where a job runs, on how many nodes."""
    return without_nones(
        target=target,
        instanceCount=resources.instance_count,
        instanceType=resources.instance_type,
    )


def bindings(spelling: Spelling, inputs: Mapping[str, Input | Lookup], outputs: Mapping[str, Output]) -> Wire:
    """Inputs and outputs; literals stand in the command."""
    data = {name: value for name, value in inputs.items() if not isinstance(value, LiteralInput)}
    return {
        "inputDataBindings": {
            name: value if isinstance(value, Lookup) else input_body(value) for name, value in data.items()
        },
        "outputDataBindings": {name: _output(spelling, value) for name, value in outputs.items()},
    }


def input_body(value: DataInput) -> Wire:
    """Where data is, and how the job has it."""
    return {"dataId": value.uri, "mode": MODES[value.mode or "ro_mount"]}


def _output(spelling: Spelling, value: Output) -> dict[str, Any]:
    match = DATASTORE_URI.fullmatch(value.uri or "")
    return without_nones(
        mode=MODES[value.mode or "rw_mount"],
        datastoreId=datastore_id(spelling, match["datastore"]) if match else None,
        pathOnDatastore=match["path"] if match else None,
    )


def distribution(value: Distribution | None, resources: Resources) -> Wire | None:
    """Over how many processes a job runs."""
    if value is None:
        return None
    # This version counts PyTorch's processes over all nodes, later ones per node.
    total = (value.process_count_per_instance or 1) * (resources.instance_count or 1)
    return without_nones(
        distributionType=DISTRIBUTIONS[value.type],
        processCount=total if value.type == "pytorch" else None,
        processCountPerInstance=value.process_count_per_instance if value.type == "mpi" else None,
        parameterServerCount=value.parameter_server_count,
        workerCount=value.worker_count,
    )


def read_job(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The members of :class:`job.Job` that this version spells in its own way."""
    properties = properties_of(resource)
    studio = (properties.get("interactionEndpoints") or {}).get("Studio") or {}
    bindings = properties.get("outputDataBindings") or (properties.get("trial") or {}).get(
        "outputDataBindings"
    )
    return {
        "studio_url": studio.get("endpoint"),
        "compute": (properties.get("compute") or {}).get("target"),
        "outputs": {name: _read_output(value or {}) for name, value in (bindings or {}).items()},
        "inputs": {name: _read_input(value or {}) for name, value in _input_bindings(properties)},
    }


def _read_output(binding: Mapping[str, Any]) -> Output:
    datastore = DATASTORE_ID.search(binding.get("datastoreId") or "")
    path = binding.get("pathOnDatastore")
    uri = f"azureml://datastores/{datastore['datastore']}/paths/{path}" if datastore and path else None
    return Output(mode=MODES_BACK.get(binding.get("mode") or "", "rw_mount"), uri=uri)


def _input_bindings(properties: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    run = properties.get("trial") or properties
    return (run.get("inputDataBindings") or {}).items()


def _read_input(binding: Mapping[str, Any]) -> Input:
    """What this version does not say is the type."""
    mode = MODES_BACK.get(binding.get("mode") or "", "ro_mount")
    return DataInput("uri_folder", str(binding.get("dataId") or ""), mode)


def bind(command: str, inputs: Mapping[str, Input | Lookup]) -> str:
    """Write a command's placeholders as this version has them: data as variables, literals in place."""

    def replacement(match: re.Match[str]) -> str:
        group, name = match["group"], match["name"]
        value = inputs.get(name)
        if group == "inputs" and isinstance(value, LiteralInput):
            return shlex.quote(value.value)
        if not name.isidentifier():
            what = "a name that cannot be part of an environment variable's"
            raise unsupported(API_VERSION, f"{group}.{name}", what, PREVIEW_2022_02)
        return f"$AZURE_ML_{group.removesuffix('s').upper()}_{name}"

    return _PLACEHOLDER.sub(replacement, command)


def arguments_to_keys(command: str, names: Mapping[str, SearchDistribution]) -> tuple[str, dict[str, str]]:
    """Take ``--lr ${{search_space.lr}}`` out of a command: this version appends ``--lr <value>`` itself.

    :return: the command without them, and the key of each parameter (``--lr``).
    """
    keys = {}
    for name in names:
        pattern = re.compile(
            rf"\s*(?P<flag>--?[\w\-]+)(?:\s+|=)[\"']?\$\{{\{{\s*search_space\.{re.escape(name)}\s*\}}\}}[\"']?"
        )
        found = list(pattern.finditer(command))
        used = len(re.findall(rf"\$\{{\{{\s*search_space\.{re.escape(name)}\s*\}}\}}", command))
        # The service appends to the whole command's end: what follows must be the same program's.
        if len(found) != used or used > 1 or (found and _SHELL_OPERATOR.search(command, found[0].end())):
            raise InvalidSpecError(
                f"search_space.{name}",
                f"api-version {API_VERSION} passes parameters only as arguments at the command's end: write "
                f"it once, as --{name} ${{{{search_space.{name}}}}}, in the command's last program.",
            )
        keys[name] = found[0]["flag"] if found else f"--{name}"
        command = pattern.sub("", command)
    return command, keys


def minutes(seconds: float | None) -> str | None:
    """This version's sweep times have a precision of minutes."""
    return None if seconds is None else f"PT{max(1, -int(-seconds // 60))}M"
