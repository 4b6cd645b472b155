"""The members of jobs that are more than a text, as people write them: in the words of Azure ML's YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from airflow_provider_amlrest.rest.assets.data import DATA_TYPES
from airflow_provider_amlrest.rest.assets.model import MODEL_TYPES
from airflow_provider_amlrest.rest.assets.uris import check_expressions
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.job import Identity, Notifications, Output, Service
from airflow_provider_amlrest.rest.reading.fields import (
    URI_SCHEMES,
    check_name,
    check_version,
    is_uri,
    no_other_keys,
    read_typed,
    string_map,
    text_list,
    word,
)
from airflow_provider_amlrest.rest.reading.values import mapping, structured

OUTPUT_MODES = ("rw_mount", "upload", "direct")
NOTIFICATIONS = ("job_completed", "job_failed", "job_cancelled")
JOB_TIERS = ("spot", "basic", "standard", "premium")
SERVICE_TYPES = ("ssh", "jupyter_lab", "tensor_board", "vs_code", "custom")
_SERVICE_PROPERTIES = {"log_dir": ("tensor_board", "logDir"), "ssh_public_keys": ("ssh", "sshPublicKeys")}
"""Members of a service in the CLI: of which type, and the property that each is."""
_GUID = re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


def parse_outputs(field: str, value: Any, default_mode: str | None = "rw_mount") -> dict[str, Output]:
    """Read ``{name: {"type": "uri_folder", "mode": ..., "path": ..., "name": ...}}``, or ``{name: type}``."""
    outputs = {}
    for name, spec in mapping(field, value).items():
        where, spec = f"{field}.{name}", structured(spec)
        spec = {} if spec is None else {"type": spec} if isinstance(spec, str) else mapping(where, spec)
        no_other_keys(where, spec, {"type", "mode", "path", "name", "version"})
        mode = spec.get("mode") or default_mode
        path, asset, version = spec.get("path"), spec.get("name"), spec.get("version")
        if path is not None and not is_uri(f"{where}.path", path):
            raise InvalidSpecError(f"{where}.path", f"{path!r} must begin with {' or '.join(URI_SCHEMES)}.")
        check_expressions(f"{where}.path", path or "")
        outputs[str(name)] = Output(
            word(f"{where}.type", spec.get("type") or "uri_folder", DATA_TYPES + MODEL_TYPES),
            mode and word(f"{where}.mode", mode, OUTPUT_MODES, {"mount": "rw_mount"}),
            path,
            check_name(f"{where}.name", asset) if asset is not None else None,
            check_version(f"{where}.version", str(version)) if version is not None else None,
        )
    return outputs


def parse_identity(field: str, value: Any) -> Identity | None:
    """Read ``{"type": "managed", "client_id": ...}``, or the type alone."""
    given = structured(value)
    if isinstance(given, Mapping) and "msi_resource_id" in given:
        given = {**given}
        given.setdefault("resource_id", given.pop("msi_resource_id"))
    types, aliases = ("aml_token", "managed", "user_identity"), {"managed_identity": "managed"}
    identity = read_typed(field, given, Identity, types, aliases)
    for name in ("client_id", "object_id"):
        guid = getattr(identity, name, None)
        if guid is not None and not _GUID.fullmatch(guid):
            raise InvalidSpecError(f"{field}.{name}", f"{guid!r} is no GUID.")
    return identity


def parse_services(field: str, value: Any) -> dict[str, Service]:
    """Read ``{name: {"type": "ssh", ...}}``."""
    services = {}
    for name, spec in mapping(field, value).items():
        where = f"{field}.{name}"
        service = read_typed(where, _service(where, spec), Service, SERVICE_TYPES)
        if service is not None:
            properties = string_map(f"{field}.{name}.properties", service.properties)
            services[str(name)] = replace(service, properties=properties)
    return services


def _service(field: str, value: Any) -> Any:
    """A service in the words of the wire, which has those of the CLI among its properties."""
    if not isinstance(value, Mapping):
        return value
    service = dict(value)
    nodes = service.pop("nodes", None)
    if nodes is not None:
        word(f"{field}.nodes", nodes, ("all",))
        service["all_nodes"] = True
    for member, (kind, key) in _SERVICE_PROPERTIES.items():
        if (text := service.pop(member, None)) is not None:
            word(f"{field}.type, which has {member},", service.get("type"), (kind,))
            service["properties"] = {**mapping(f"{field}.properties", service.get("properties")), key: text}
    return service


def parse_job_tier(field: str, value: Any) -> str | None:
    """Read ``{"job_tier": "spot"}``."""
    settings = mapping(field, value)
    no_other_keys(field, settings, {"job_tier"})
    if settings.get("job_tier") is None:
        return None
    return word(f"{field}.job_tier", settings["job_tier"], JOB_TIERS)


def parse_notifications(field: str, value: Any) -> Notifications | None:
    """Read ``{"email_on": ["job_failed"], "emails": ["on.call@example.org"]}``."""
    setting = mapping(field, value)
    no_other_keys(field, setting, {"email_on", "emails"})
    if not setting:
        return None
    events = text_list(f"{field}.email_on", setting.get("email_on"))
    emails = text_list(f"{field}.emails", setting.get("emails"))
    return Notifications(tuple(word(f"{field}.email_on", event, NOTIFICATIONS) for event in events), emails)
