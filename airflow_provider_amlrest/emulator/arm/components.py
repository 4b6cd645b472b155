"""Components: what the service makes of a ``componentSpec``, when two are the same, and which one is meant.

Their containers and versions are those of all assets (assets.py).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.answers import MlError
from airflow_provider_amlrest.emulator.arm.shapes import Place, filled, lowered
from airflow_provider_amlrest.emulator.registries import find_asset, parse_reference

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.config import Settings, Workspace
    from airflow_provider_amlrest.emulator.store import AssetRecord, Store

KIND = "components"
ANONYMOUS = "azureml_anonymous"
"""The name of all components that a client registers for one job only."""
OF_THE_CLIENT = ("_source", "id")
"""Members that are sent and, as recorded, not answered."""
EDITABLE = ("name", "version", "display_name", "description", "tags", "$schema")
"""Recorded: a version's display name and description can change. The others do not run either."""
NEEDED = {"command": ("command", "environment"), "parallel": ("task", "input_data"), "pipeline": ("jobs",)}
"""Type of a component -> what it cannot be without."""
CURATED = re.compile(r"azureml:(AzureML-[^:@/]+):([^:@/]+)")
ARM_ID = re.compile(
    r"(?:azureml:)?/?(?P<home>subscriptions/[^/]+/resourceGroups/[^/]+"
    r"/providers/Microsoft\.MachineLearningServices/workspaces/[^/]+)"
    r"/components/(?P<name>[^/]+)/(?P<by>versions|labels)/(?P<version>[^/]+)",
    re.IGNORECASE,
)
SHORT_ID = re.compile(r"azureml:(?P<name>[^:@/]+)(?::(?P<version>[^:@/]+)|@latest)")


def spec(value: Any, place: Place) -> dict[str, Any]:
    """Reader of a ``componentSpec``, which has no type on the wire: its type, and what that needs."""
    given = lowered(value, place)
    kind = filled(given.get("type") or "", place / "type")
    for name in NEEDED.get(kind, ()):
        if not given.get(name):
            raise place.wrong(f"a component of the type {kind} needs {name}")
    for name in ("inputs", "outputs"):
        for member, definition in lowered(given.get(name) or {}, place / name).items():
            filled(lowered(definition, place / name / member).get("type") or "", place / name / member)
    return {name: content for name, content in value.items() if name not in OF_THE_CLIENT}


def check_name(name: str, properties: dict[str, Any]) -> None:
    """A spec that names itself names the component it is in. The words, and the check itself, are a guess."""
    own = properties["componentSpec"].get("name", name)
    if own not in (name, ANONYMOUS):
        raise Place(("properties", "componentSpec", "name")).wrong(
            f"{own!r} is not the component's, {name!r}"
        )


def is_same(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether two specs would run alike."""
    return _content(old) == _content(new)


def _content(component: dict[str, Any]) -> dict[str, Any]:
    answered = _as_answered(component)
    return {name: value for name, value in answered.items() if name not in EDITABLE}


def answered_spec(record: AssetRecord) -> dict[str, Any]:
    """Recorded: everything is text, defaults are filled in, and curated environments are their registry's."""
    own = {"name": record.name, "version": record.version}
    return {**own, **_as_answered(record.properties["componentSpec"])}


def _as_answered(component: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"is_deterministic": "True", **_as_text(component)}
    if "inputs" in answer:
        answer["inputs"] = {
            name: {"optional": "False", **definition} for name, definition in answer["inputs"].items()
        }
    if answer["type"] == "command":
        answer["resources"] = {"instance_count": "1", **answer.get("resources", {})}
        if match := CURATED.fullmatch(answer["environment"]):
            answer["environment"] = (
                f"azureml://registries/azureml/environments/{match[1]}/versions/{match[2]}"
            )
    return answer


def _as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_text(member) for name, member in value.items() if member is not None}
    if isinstance(value, list):
        return [_as_text(member) for member in value]
    return str(value)


def find(settings: Settings, store: Store, workspace: Workspace, reference: str) -> AssetRecord:
    """The version that a reference means, of the workspace or a registry.

    Raises:
        MlError: 404, as recorded, there is none.
    """
    shared = parse_reference(reference)
    if shared is not None and shared.kind == KIND:
        record = find_asset(settings, store, shared)
        if record is not None:
            return record
        if settings.registry(shared.registry) is None:
            raise _missing(reference, shared.name, shared.version, f" {settings.has_no(shared.registry)}")
        raise _missing(reference, shared.name, shared.version)
    match = ARM_ID.fullmatch(reference) or SHORT_ID.fullmatch(reference)
    found, version = None, ""
    if match is not None and match.groupdict().get("home", workspace.arm_id[1:]).lower() == (
        workspace.arm_id[1:].lower()
    ):
        is_label = match.groupdict().get("by", "").lower() == "labels" or match["version"] is None
        versions = store.assets(workspace.name, KIND, match["name"])
        version = "latest" if is_label else match["version"]
        found = next((r for r in versions if is_label or r.version == version), None)
    if found is None:
        raise _missing(reference, match["name"] if match else reference, version)
    return found


def _missing(reference: str, name: str, version: str | None, note: str = "") -> MlError:
    version = "latest" if version is None else version
    message = f"key: {reference}, Message: Not found component {name} (version: {version}).{note}"
    return MlError(404, message, code="NotFound")
