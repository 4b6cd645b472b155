"""Computes: clusters, instances, attached Spark pools and virtual machines."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.given import Given
from airflow_provider_amlrest.rest.reading.fields import no_other_keys, string_map, text, word
from airflow_provider_amlrest.rest.reading.values import (
    blank,
    boolean,
    items,
    mapping,
    required_seconds,
    whole,
)
from airflow_provider_amlrest.rest.resources.goal import Absent, InState
from airflow_provider_amlrest.rest.resources.names import check_resource_name, read_vm_size
from airflow_provider_amlrest.rest.resources.resource import Resource
from airflow_provider_amlrest.rest.resources.spec import (
    ResourceSpec,
    check_members,
    read_identity,
    says,
)
from airflow_provider_amlrest.rest.versions.api_versions import PREVIEW_2021_03
from airflow_provider_amlrest.rest.versions.features import NEVER, Feature
from airflow_provider_amlrest.rest.versions.spelling import Wire
from airflow_provider_amlrest.rest.versions.words import properties_of, without_nones

NAME = re.compile(r"[a-zA-Z](?![a-zA-Z0-9-]*-\d+$)[a-zA-Z0-9-]{2,23}")
"""Microsoft's own pattern (2025-12-01)."""
DEFAULT_SIZE = "STANDARD_DS3_V2"
TIERS = {"dedicated": "Dedicated", "low_priority": "LowPriority"}
RUNNING = frozenset({"Running", "JobRunning"})
STOPPED = frozenset({"Stopped"})
ON_THE_WAY_UP = frozenset({"Creating", "Starting", "Restarting", "SettingUp", "UserSettingUp"})
"""States of an instance that end with one that runs, and costs money."""

_COMMON = ("name", "type", "description", "tags", "location", "identity")
_NODES = ("size", "ssh_public_access_enabled", "ssh_settings", "network_settings", "enable_node_public_ip")
_CLUSTER = ("tier", "min_instances", "max_instances", "idle_time_before_scale_down")
_INSTANCE = (
    *("schedules", "idle_time_before_shutdown_minutes", "create_on_behalf_of", "enable_os_patching"),
    *("enable_root_access", "enable_sso", "release_quota_on_stop"),
)
_ATTACHED = ("resource_id",)
_SWITCHES: Mapping[str, tuple[str, bool]] = {
    "enable_os_patching": ("enableOSPatching", False),
    "enable_root_access": ("enableRootAccess", True),
    "enable_sso": ("enableSSO", True),
    "release_quota_on_stop": ("releaseQuotaOnStop", False),
}
"""Switch of an instance -> the service's word, and its default. One that is as by default is not sent: not
every version knows it."""


def _feature(field: str, wire: str, what: str, since: str, *also: str) -> Feature:
    return Feature(ResourceSpec, field, what, since, says(f"properties.properties.{wire}"), also=also)


_SINCE = "2025-12-01"
"""The first version whose types have single sign-on and the shutdown of idle instances. 2024-10-01 has
neither, and of those between nothing is known. The switches without a version are in previews only."""
FEATURES = (
    _feature("enable_os_patching", "enableOSPatching", "that the operating system is patched", NEVER),
    _feature("enable_root_access", "enableRootAccess", "that there is no root access", NEVER),
    _feature("enable_sso", "enableSSO", "that there is no single sign-on", _SINCE),
    _feature("release_quota_on_stop", "releaseQuotaOnStop", "that a stop releases the quota", NEVER),
    _feature(
        "idle_time_before_shutdown_minutes",
        "idleTimeBeforeShutdown",
        "when an idle instance is stopped",
        _SINCE,
    ),
    _feature("schedules", "schedules", "when an instance starts and stops", "2023-04-01", PREVIEW_2021_03),
)


def read_compute(given: Given) -> ResourceSpec:
    """A compute. Raises InvalidSpecError for a member that is not what it must be."""
    type_ = word("type", given["type"] or "amlcompute", TYPES)
    keys, read, wire = TYPES[type_]
    present = {name: value for name, value in given.items() if not blank(value)}
    check_members(present, (*_COMMON, *keys))
    name = text("name", given["name"]) or ""
    body = without_nones(
        location=text("location", given["location"]),
        tags=string_map("tags", given["tags"]),
        identity=read_identity(given["identity"]),
        properties={
            "computeType": wire,
            "description": text("description", given["description"]),
            **read(given),
        },
    )
    body["properties"] = without_nones(**body["properties"])
    checks = (partial(check_compute_name, name),)
    return ResourceSpec("computes", name, "compute", body, FEATURES, checks=checks)


KEYS = (*_COMMON, *_NODES, *_CLUSTER, *_INSTANCE, *_ATTACHED)


def deleted(name: str) -> Absent:
    """There is no such compute, and nothing of it that costs money."""
    return Absent(f"computes/{name}", f"compute {name}", {"underlyingResourceAction": "Delete"})


def started(name: str) -> InState:
    """A compute instance runs."""
    return InState(f"computes/{name}", f"compute {name}", "start", RUNNING)


def stopped(name: str) -> InState:
    """A compute instance is stopped."""
    return InState(f"computes/{name}", f"compute {name}", "stop", STOPPED, ON_THE_WAY_UP)


def is_in_use(compute: Resource) -> bool:
    """Whether jobs run on a compute, or wait for its nodes."""
    own = properties_of(compute.wire).get("properties") or {}
    counts = own.get("nodeStateCounts") or {}
    at_work = any(counts.get(f"{state}NodeCount") for state in ("running", "preparing"))
    grows = (own.get("targetNodeCount") or 0) > (own.get("currentNodeCount") or 0)
    return compute.status == "JobRunning" or at_work or grows


def check_compute_name(value: Any) -> str:
    """The name, if Azure ML accepts it. Raises InvalidSpecError otherwise."""
    rule = "3 to 24 letters, digits and '-', beginning with a letter, and not ending with '-' and digits"
    return check_resource_name("name", value, "compute", NAME, rule)


def _cluster(given: Given) -> Wire:
    least = _count("min_instances", given["min_instances"], 0)
    most = _count("max_instances", given["max_instances"], 4)
    if least > most:
        raise InvalidSpecError("min_instances", f"{least} is more than max_instances, {most}.")
    idle = given["idle_time_before_scale_down"]
    seconds = 120.0 if blank(idle) else required_seconds("idle_time_before_scale_down", idle)
    tier = given["tier"]
    return {
        "disableLocalAuth": blank(given["ssh_settings"]),
        "properties": without_nones(
            **_nodes(given),
            osType="Linux",
            remoteLoginPortPublicAccess=_ssh_access(given),
            vmPriority=None if blank(tier) else TIERS[word("tier", tier, TIERS)],
            scaleSettings={
                "minNodeCount": least,
                "maxNodeCount": most,
                "nodeIdleTimeBeforeScaleDown": _duration(seconds),
            },
            userAccountCredentials=_credentials(given["ssh_settings"]),
        ),
    }


def _instance(given: Given) -> Wire:
    minutes = given["idle_time_before_shutdown_minutes"]
    idle = None if blank(minutes) else 60.0 * whole("idle_time_before_shutdown_minutes", minutes, 15, 4320)
    ssh = _instance_ssh(given)
    return {
        "disableLocalAuth": ssh is None or ssh["sshPublicAccess"] == "Disabled",
        "properties": without_nones(
            **_nodes(given),
            sshSettings=ssh,
            applicationSharingPolicy="Shared",
            computeInstanceAuthorizationType="personal",
            **{_SWITCHES[name][0]: not _SWITCHES[name][1] for name in _switched(given)},
            idleTimeBeforeShutdown=None if idle is None else _duration(idle),
            personalComputeInstanceSettings=_owner(given["create_on_behalf_of"]),
            schedules=_schedules(given["schedules"]),
        ),
    }


def _instance_ssh(given: Given) -> Wire | None:
    settings = string_map("ssh_settings", given["ssh_settings"])
    no_other_keys("ssh_settings", settings, ("ssh_key_value",))
    access = _ssh_access(given)
    if not settings and access == "NotSpecified":
        return None
    open_ = "Enabled" if access == "Enabled" else "Disabled"
    return without_nones(sshPublicAccess=open_, adminPublicKey=settings.get("ssh_key_value"))


def _switched(given: Given) -> list[str]:
    """The switches that are not as by default."""
    return [
        name
        for name, (_, default) in _SWITCHES.items()
        if not blank(given[name]) and boolean(name, given[name]) != default
    ]


def _spark(given: Given) -> Wire:
    return {"resourceId": _resource_id(given)}


def _machine(given: Given) -> Wire:
    ssh = string_map("ssh_settings", given["ssh_settings"])
    no_other_keys("ssh_settings", ssh, ("admin_username", "admin_password", "ssh_port"))
    account = {"username": ssh.get("admin_username"), "password": ssh.get("admin_password")}
    port = whole("ssh_settings.ssh_port", ssh.get("ssh_port", 22), 1, 65535)
    return {
        "resourceId": _resource_id(given),
        "properties": {"sshPort": port, "administratorAccount": without_nones(**account)},
    }


TYPES: Mapping[str, tuple[tuple[str, ...], Callable[[Given], Wire], str]] = {
    "amlcompute": ((*_NODES, *_CLUSTER), _cluster, "AmlCompute"),
    "computeinstance": ((*_NODES, *_INSTANCE), _instance, "ComputeInstance"),
    "synapsespark": (_ATTACHED, _spark, "SynapseSpark"),
    "virtualmachine": ((*_ATTACHED, "ssh_settings"), _machine, "VirtualMachine"),
}
"""The CLI's word -> members, their reader, and the service's word."""


def _nodes(given: Given) -> Wire:
    public = given["enable_node_public_ip"]
    return {
        "vmSize": read_vm_size("size", given["size"], DEFAULT_SIZE),
        "enableNodePublicIp": True if blank(public) else boolean("enable_node_public_ip", public),
        "subnet": _subnet(given["network_settings"]),
    }


def _subnet(value: Any) -> Wire | None:
    settings = mapping("network_settings", value)
    no_other_keys("network_settings", settings, ("vnet_name", "subnet"))
    if not settings:
        return None
    subnet, vnet = str(settings.get("subnet") or ""), settings.get("vnet_name")
    if not subnet.startswith("/subscriptions/"):
        raise InvalidSpecError(
            "network_settings.subnet",
            f"{subnet!r} must be the ARM id of a subnet, /subscriptions/.../virtualNetworks/{vnet or 'VNET'}/"
            "subnets/NAME.",
        )
    return {"id": subnet}


def _ssh_access(given: Given) -> str:
    value = given["ssh_public_access_enabled"]
    if blank(value):
        return "NotSpecified"
    return "Enabled" if boolean("ssh_public_access_enabled", value) else "Disabled"


def _credentials(value: Any) -> Wire | None:
    names = {
        "admin_username": "adminUserName",
        "admin_password": "adminUserPassword",
        "ssh_key_value": "adminUserSshPublicKey",
    }
    settings = string_map("ssh_settings", value)
    no_other_keys("ssh_settings", settings, names)
    return {names[name]: text for name, text in settings.items()} or None


def _owner(value: Any) -> Wire | None:
    user = string_map("create_on_behalf_of", value)
    names = {"user_object_id": "objectId", "user_tenant_id": "tenantId"}
    no_other_keys("create_on_behalf_of", user, names)
    return {"assignedUser": {names[name]: text for name, text in user.items()}} if user else None


def _schedules(value: Any) -> Wire | None:
    given = mapping("schedules", value)
    no_other_keys("schedules", given, ("compute_start_stop",))
    schedules = items("schedules.compute_start_stop", given.get("compute_start_stop"))
    return {"computeStartStop": [_schedule(one) for one in schedules]} if schedules else None


def _schedule(value: Any) -> Wire:
    field = "schedules.compute_start_stop"
    one = mapping(field, value)
    no_other_keys(field, one, ("action", "trigger", "state"))
    trigger = string_map(f"{field}.trigger", one.get("trigger"))
    no_other_keys(f"{field}.trigger", trigger, ("type", "start_time", "time_zone", "expression"))
    word(f"{field}.trigger.type", trigger.get("type"), ("cron",))
    state = word(f"{field}.state", one.get("state") or "enabled", ("enabled", "disabled"))
    return {
        "action": word(f"{field}.action", one.get("action"), ("start", "stop")),
        "triggerType": "Cron",
        "status": state.capitalize(),
        "cron": without_nones(
            expression=trigger.get("expression"),
            startTime=trigger.get("start_time"),
            timeZone=trigger.get("time_zone"),
        ),
    }


def _resource_id(given: Given) -> str:
    id_ = text("resource_id", given["resource_id"]) or ""
    if not id_.startswith("/subscriptions/"):
        raise InvalidSpecError("resource_id", f"{id_!r} must be an ARM id, /subscriptions/...")
    return id_


def _count(field: str, value: Any, default: int) -> int:
    return default if blank(value) else whole(field, value, 0, 100_000)


def _duration(seconds: float) -> str:
    """As azure-ai-ml writes it: ``PT2M``."""
    minutes, rest = divmod(int(-(-seconds // 1)), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        "PT"
        + f"{hours}H" * bool(hours)
        + f"{minutes}M" * bool(minutes)
        + f"{rest}S" * bool(rest or not (hours or minutes))
    )
