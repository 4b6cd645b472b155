"""The steps of a pipeline, as the YAML has them and as the wire has them.

On the wire a step has names with underscores, unlike all else: so azure-ai-ml 1.35.2 sends it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.rest.assets.component import ANONYMOUS
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.automl import searched_spaces, with_slack
from airflow_provider_amlrest.rest.jobs.component_files import (
    KEYS,
    InlineComponent,
    Prefixed,
    mini_batches,
    named_lookup,
    read_component,
    unresolved_spec,
)
from airflow_provider_amlrest.rest.jobs.inputs import INPUT_MODES, read_inputs
from airflow_provider_amlrest.rest.jobs.job import DataInput, InputLookup, LiteralInput, Output
from airflow_provider_amlrest.rest.jobs.lookup import Lookup
from airflow_provider_amlrest.rest.jobs.lookups import read_code, read_compute, read_environment
from airflow_provider_amlrest.rest.jobs.placeholders import BINDING
from airflow_provider_amlrest.rest.jobs.ports import type_of_literal
from airflow_provider_amlrest.rest.jobs.reading import (
    OUTPUT_MODES,
    parse_identity,
    parse_outputs,
    parse_services,
)
from airflow_provider_amlrest.rest.jobs.spark import default_identity, spark_conf
from airflow_provider_amlrest.rest.jobs.words import IDENTITIES, SERVICES
from airflow_provider_amlrest.rest.reading.documents import Document
from airflow_provider_amlrest.rest.reading.fields import no_other_keys, string_map, text, unknown_key, word
from airflow_provider_amlrest.rest.reading.values import mapping, optional_seconds
from airflow_provider_amlrest.rest.versions.words import DISTRIBUTIONS, MODES, iso_duration

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.ids import WorkspaceId

_WITHOUT_PARENT = re.compile(r"\$\{\{\s*((?:inputs|outputs|jobs)\.[\w.\-]+)\s*\}\}")

COMMON = (
    *("name", "type", "display_name", "description", "tags", "properties", "inputs", "outputs", "compute"),
    *("identity", "comment", "experiment_name"),
)
"""The members that steps of every type may have."""
_OF_A_RUN = ("resources", "limits", "environment_variables", "distribution", "services", "queue_settings")
STEPS: dict[str, tuple[str, ...]] = {
    "command": ("component", *_OF_A_RUN, *KEYS["command"], "is_deterministic"),
    "sweep": (
        *("trial", "search_space", "objective", "sampling_algorithm", "limits", "early_termination"),
        *("resources", "queue_settings"),
    ),
    "spark": ("component", "resources", "dynamic_allocation_enabled", *KEYS["spark"]),
    "parallel": ("component", *KEYS["parallel"]),
    "pipeline": ("component", "settings"),
    "automl": (
        *("task", "log_verbosity", "primary_metric", "limits", "target_column_name", "training_data"),
        *("validation_data", "test_data", "training", "featurization", "forecasting", "sweep"),
        *("search_space", "training_parameters", "n_cross_validations", "validation_data_size"),
        *("test_data_size", "cv_split_column_names", "weight_column_name", "positive_label", "resources"),
        *("environment_id", "environment_variables", "queue_settings"),
    ),
}
"""Type of step -> the members that it may have beside those of all steps."""

_SENT = {
    "command": _OF_A_RUN,
    "sweep": tuple(key for key in STEPS["sweep"] if key != "trial"),
    "spark": ("resources", *(key for key in KEYS["spark"] if key not in ("code", "environment"))),
    "parallel": tuple(key for key in KEYS["parallel"] if key not in ("code", "environment")),
    "pipeline": (),
    "automl": STEPS["automl"],
}
"""Members that a step has on the wire, beside its component."""
_MAPPINGS = ("entry", "resources", "limits", "sweep", "conf", "training", "featurization", "forecasting")
"""Members that are mappings, whatever the step."""


@dataclass(frozen=True)
class Step:
    """A step: its wire, and what the check of the whole pipeline needs."""

    name: str
    wire: Mapping[str, Any]
    component: Lookup | None
    is_inline: bool = False
    """Whether its component is made of the step itself."""

    @property
    def ports(self) -> InlineComponent | None:
        """Its component, if what that takes and gives is known here."""
        return self.component if isinstance(self.component, InlineComponent) else None


def read_steps(document: Document, prefix: str, inputs: Mapping[str, Any]) -> dict[str, Step]:
    """The steps of a pipeline, by name.

    :param prefix: of the steps' members, for errors: ``jobs.``.
    :param inputs: the pipeline's, with their types, to which steps may be bound.
    """
    steps: dict[str, Step] = {}
    given = mapping(prefix.rstrip("."), document.values.get("jobs"))
    for name, step in given.items():
        where = f"{prefix}{name}"
        steps[str(name)] = _Reader(document, where, dict(mapping(where, step)), inputs, given).read(str(name))
    return steps


class _Reader:
    """Reads one step."""

    def __init__(
        self,
        document: Document,
        where: str,
        given: dict[str, Any],
        inputs: Mapping[str, Any],
        siblings: Mapping[str, Any],
    ) -> None:
        self.document = document
        self.where = where
        self.given = given
        self.parents = inputs
        self.siblings = siblings

    def read(self, name: str) -> Step:
        type_ = str(self.given.get("type") or "command")
        if type_ not in STEPS:
            raise InvalidSpecError(f"{self.where}.type", f"{type_!r} is not one of: {', '.join(STEPS)}.")
        for key in self.given:
            if key not in (*COMMON, *STEPS[type_]):
                raise unknown_key(f"{self.where}.{key}", str(key), (*COMMON, *STEPS[type_]))
        wire: dict[str, Any] = {"name": name, "type": type_}
        component = self._component(type_, wire)
        defaults = component.component.spec if isinstance(component, InlineComponent) else {}
        for key in _SENT[type_]:
            value = self.given.get(key)
            if value is None and type_ == "spark":
                # What a Spark component says of the run is the step's to say on the wire.
                value = defaults.get(key)
            if value is not None:
                wire[key] = self._member(type_, key, value)
        if type_ == "automl":
            wire.setdefault("log_verbosity", "info")
            if str(self.given.get("task")).startswith("text") and "limits" in wire:
                wire["limits"] = {"max_nodes": 1, **wire["limits"]}
        if type_ == "parallel":
            wire |= mini_batches(wire, as_text=False)
        for key in ("display_name", "description", "comment"):
            if self.given.get(key) is not None:
                wire[key] = str(self.given[key])
        for key in ("tags", "properties"):
            if self.given.get(key) is not None or type_ == "automl":
                wire[key] = string_map(f"{self.where}.{key}", self.given.get(key))
        default = default_identity(self.given.get("compute")) if type_ == "spark" else None
        identity = parse_identity(f"{self.where}.identity", self.given.get("identity") or default)
        if identity is not None:
            members = {"client_id": identity.client_id, "object_id": identity.object_id}
            given = {key: value for key, value in members.items() if value is not None}
            wire["identity"] = {"identity_type": IDENTITIES[identity.type], **given}
        wire["computeId"] = self._compute()
        wire["inputs"] = self._inputs()
        wire["outputs"] = self._outputs(type_)
        is_inline = "component" not in self.given and type_ not in ("sweep", "automl")
        members = {key: value for key, value in wire.items() if value not in (None, {})}
        return Step(name, members, component, is_inline)

    def _compute(self) -> Lookup | str | None:
        compute = self.given.get("compute")
        if isinstance(compute, str) and BINDING.fullmatch(compute):
            return compute
        return read_compute(f"{self.where}.compute", text(f"{self.where}.compute", compute))

    def _component(self, type_: str, wire: dict[str, Any]) -> Lookup | None:
        if type_ == "automl":
            return None
        key = "trial" if type_ == "sweep" else "component"
        if self.given.get(key) is not None:
            field = f"{self.where}.{key}"
            component, source = named_lookup(field, self.given[key], self.document, component_steps)
        elif type_ in ("sweep", "pipeline"):
            raise InvalidSpecError(f"{self.where}.{key}", "it is missing: name a component, or its file.")
        else:
            component, source = self._inline(type_), "YAML.JOB"
        wire["_source"] = source
        if type_ == "sweep":
            wire["trial"] = Trial(f"{self.where}.trial", component)
        else:
            wire["componentId"] = component
        return component

    def _inline(self, type_: str) -> InlineComponent:
        """The component of a step that names none: made of its members, inputs and outputs."""
        spec = {key: value for key, value in self.given.items() if key in KEYS[type_] and key != "limits"}
        spec.pop("environment_variables", None)
        spec |= {"type": type_, "inputs": self._ports(), "outputs": self._output_ports()}
        folder, within = self.document.folder, self.document.within
        inner = Document(spec, folder, within=within, prefix=f"{self.where}.")
        return InlineComponent(self.where, read_component(inner, component_steps, "YAML.JOB"))

    def _ports(self) -> dict[str, Any]:
        ports = {}
        for name, value in mapping(f"{self.where}.inputs", self.given.get("inputs")).items():
            bound = value.get("path") if isinstance(value, Mapping) else value
            match = BINDING.fullmatch(bound) if isinstance(bound, str) else None
            if isinstance(value, Mapping):
                port = {"type": value.get("type") or "uri_folder"}
                port |= {"mode": value["mode"]} if value.get("mode") else {}
            elif match:
                port = self._bound_port(match["path"])
            else:
                port = {"type": type_of_literal(value), "default": str(value)}
            ports[str(name)] = port
        return ports

    def _bound_port(self, path: str) -> dict[str, Any]:
        """The type and mode of what a binding leads to, as far as they are known."""
        group, *rest = path.split(".")
        value: Any = None
        if group == "inputs":
            value = self.parents.get(".".join(rest))
            if value is not None and not isinstance(value, Mapping):
                return {"type": type_of_literal(value)}
        elif group == "outputs":
            value = mapping("outputs", self.document.values.get("outputs")).get(".".join(rest))
        elif group == "jobs" and len(rest) == 3:
            outputs = (self.siblings.get(rest[0]) or {}).get("outputs") or {}
            value = outputs.get(rest[2])
            if isinstance(value, Mapping):
                return {"type": value.get("type") or "uri_folder"}
        if not isinstance(value, Mapping):
            return {"type": "uri_folder"}
        mode = {"mode": value["mode"]} if value.get("mode") else {}
        return {"type": value.get("type") or "uri_folder", **mode}

    def _output_ports(self) -> dict[str, Any]:
        ports = {}
        for name, value in mapping(f"{self.where}.outputs", self.given.get("outputs")).items():
            match = BINDING.fullmatch(value) if isinstance(value, str) else None
            given = self._bound_port(match["path"]) if match else value if isinstance(value, Mapping) else {}
            port = {"type": given.get("type") or "uri_folder"}
            ports[str(name)] = port | ({"mode": given["mode"]} if given.get("mode") else {})
        return ports

    def _member(self, type_: str, key: str, value: Any) -> Any:
        if key in _MAPPINGS or (key == "search_space" and type_ == "sweep"):
            value = mapping(f"{self.where}.{key}", value)
        if key == "distribution":
            given = dict(mapping(f"{self.where}.distribution", value))
            kind = str(given.pop("type", "")).lower()
            if kind not in DISTRIBUTIONS:
                names = ", ".join(DISTRIBUTIONS)
                raise InvalidSpecError(f"{self.where}.distribution.type", f"{kind!r} is not one of: {names}.")
            return {"distribution_type": DISTRIBUTIONS[kind], **given}
        if key == "limits" and type_ == "command":
            timeout = optional_seconds(
                f"{self.where}.limits.timeout", mapping(f"{self.where}.limits", value).get("timeout")
            )
            return {"job_limits_type": "Command", "timeout": iso_duration(timeout)}
        if key == "services":
            services = parse_services(f"{self.where}.services", value)
            return {
                name: {"job_service_type": SERVICES[service.type]}
                | ({"properties": dict(service.properties)} if service.properties else {})
                | ({"port": service.port} if service.port is not None else {})
                for name, service in services.items()
            }
        if key == "environment_variables":
            return string_map(f"{self.where}.{key}", value)
        if key == "entry":
            no_other_keys(f"{self.where}.entry", value, ("file", "class_name"))
            kind = "SparkJobScalaEntry" if "class_name" in value else "SparkJobPythonEntry"
            return {**value, "spark_job_entry_type": kind}
        if key == "task" and type_ == "parallel":
            return self._parallel_task(dict(mapping(f"{self.where}.task", value)))
        if key == "resources" and type_ == "spark":
            named = "component" in self.given
            return {name: str(member).lower() if named else str(member) for name, member in value.items()}
        if key == "conf":
            return spark_conf(value)
        if key == "search_space" and type_ == "automl":
            return searched_spaces(f"{self.where}.search_space", value)
        if key == "sweep" and isinstance(value.get("early_termination"), Mapping):
            return {**value, "early_termination": with_slack(value["early_termination"])}
        return value

    def _parallel_task(self, task: dict[str, Any]) -> dict[str, Any]:
        folder = self.document.folder
        if task.get("code") is not None:
            code = read_code(f"{self.where}.task.code", task["code"], folder)
            task["code"] = Prefixed(f"{self.where}.task.code", code, absolute=True) if code else None
        if task.get("environment") is not None:
            environment = read_environment(f"{self.where}.task.environment", task["environment"], folder)
            task["environment"] = Prefixed(environment.field, environment)
        return task

    def _inputs(self) -> dict[str, Any]:
        given = mapping(f"{self.where}.inputs", self.given.get("inputs"))
        bound, own = {}, {}
        for name, value in given.items():
            path = value.get("path") if isinstance(value, Mapping) else value
            if isinstance(path, str) and BINDING.search(path):
                mode = value.get("mode") if isinstance(value, Mapping) else None
                bound[name] = {"job_input_type": "literal", "value": path}
                if mode:
                    bound[name]["mode"] = MODES[word(f"{self.where}.inputs.{name}.mode", mode, INPUT_MODES)]
            elif value is not None:
                if isinstance(path, str) and (match := _WITHOUT_PARENT.fullmatch(path.strip())):
                    raise InvalidSpecError(
                        f"{self.where}.inputs.{name}",
                        f"{path!r} is text here; bind it to the pipeline's by ${{{{parent.{match[1]}}}}}.",
                    )
                own[name] = value
        read = read_inputs(f"{self.where}.inputs", own, self.document.folder, None, any_literal=True)
        wires = {
            name: StepInput(value.field, value) if isinstance(value, InputLookup) else _input(value)
            for name, value in read.items()
        }
        return {name: bound.get(name, wires.get(name)) for name in given if name in bound or name in wires}

    def _outputs(self, type_: str) -> dict[str, Any]:
        wires: dict[str, Any] = {}
        for name, value in mapping(f"{self.where}.outputs", self.given.get("outputs")).items():
            path = value.get("path") if isinstance(value, Mapping) else value
            if isinstance(path, str) and BINDING.fullmatch(path):
                mode = value.get("mode") if isinstance(value, Mapping) else None
                wires[name] = {"type": "literal", "value": path}
                if mode:
                    where = f"{self.where}.outputs.{name}.mode"
                    mode = word(where, mode, OUTPUT_MODES, {"mount": "rw_mount"})
                    wires[name]["mode"] = MODES[mode]
            elif value is not None:
                read = parse_outputs(f"{self.where}.outputs", {name: value}, None)
                wires |= {key: _output(output) for key, output in read.items()}
        return wires


@dataclass(frozen=True)
class Trial(Lookup):
    """The component that a sweep runs, which is an object on the wire."""

    field: str
    component: Lookup

    @property
    def uploads(self) -> bool:  # type: ignore[override]
        return self.component.uploads

    @property
    def meaning(self) -> str:
        return self.component.meaning

    @property
    def written(self) -> Any:
        """As azure-ai-ml prints it: one that is defined in place, as the PUT of the component."""
        if not isinstance(self.component, InlineComponent):
            return {"componentId": self.component.written}
        spec = unresolved_spec(self.component.anonymous)
        return {"name": ANONYMOUS, "properties": {"componentSpec": spec, "isAnonymous": True}}

    def check(self, workspace: WorkspaceId | None) -> None:
        self.component.check(workspace)

    def find(self, client: AzureMLClient) -> dict[str, Any]:
        return {"componentId": self.component.find(client)}


@dataclass(frozen=True)
class StepInput(Lookup):
    """Data of a step that is still to be looked up."""

    field: str
    inner: InputLookup

    @property
    def uploads(self) -> bool:  # type: ignore[override]
        return self.inner.uploads

    @property
    def meaning(self) -> str:
        return self.inner.meaning

    @property
    def written(self) -> dict[str, Any]:
        return _input(DataInput(self.inner.type or "uri_folder", self.inner.written, self.inner.mode))

    def check(self, workspace: WorkspaceId | None) -> None:
        self.inner.check(workspace)

    def find(self, client: AzureMLClient) -> dict[str, Any]:
        return _input(self.inner.find(client))


def component_steps(document: Document, prefix: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The steps of a pipeline component, as its definition has them."""
    steps = read_steps(document, prefix, inputs)
    return {name: dict(step.wire) for name, step in steps.items()}


def _input(value: Any) -> dict[str, Any]:
    if isinstance(value, LiteralInput):
        return {"job_input_type": "literal", "value": value.value}
    mode = {"mode": MODES[value.mode]} if value.mode else {}
    return {"job_input_type": value.type, "uri": value.uri, **mode}


def _output(output: Output) -> dict[str, Any]:
    members = {
        "job_output_type": output.type,
        "mode": output.mode and MODES[output.mode],
        "uri": output.uri,
        "name": output.name,
        "version": output.version,
    }
    return {key: value for key, value in members.items() if value is not None}
