"""Computes as people write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs.given import Given
from airflow_provider_amlrest.rest.resources.compute import read_compute
from airflow_provider_amlrest.rest.resources.spec import ResourceSpec
from airflow_provider_amlrest.rest.versions.spelling import spelling_of


def read(**arguments: Any) -> ResourceSpec:
    return read_compute(Given({"name": "gpu", **arguments}, Path()))


def test_a_cluster_as_templates_make_it() -> None:
    spec = read(
        size="STANDARD_NC6", min_instances="0", max_instances="2", tier="Low_Priority", tags="{'a': 1}"
    )
    assert spec.path == "computes/gpu"
    assert spec.body["tags"] == {"a": "1"}
    assert spec.body["properties"]["properties"] == {
        "vmSize": "STANDARD_NC6",
        "vmPriority": "LowPriority",
        "enableNodePublicIp": True,
        "osType": "Linux",
        "remoteLoginPortPublicAccess": "NotSpecified",
        "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT2M"},
    }


def test_switches_of_an_instance_that_are_as_by_default_are_not_sent() -> None:
    """The default api-version does not know all of them."""
    switches = {"enable_sso": True, "enable_root_access": "true", "enable_os_patching": False}
    spec = read(type="computeinstance", size="STANDARD_NC6", **switches)
    spec.check(spelling_of("2021-03-01-preview", WorkspaceId("s", "g", "w")))
    assert spec.body["properties"]["properties"] == {
        "vmSize": "STANDARD_NC6",
        "enableNodePublicIp": True,
        "applicationSharingPolicy": "Shared",
        "computeInstanceAuthorizationType": "personal",
    }


def test_others_need_a_version_that_has_them() -> None:
    switched = read(type="computeinstance", enable_sso=False, idle_time_before_shutdown_minutes=30)
    switched.check(spelling_of("2025-12-01", WorkspaceId("s", "g", "w")))
    assert switched.body["properties"]["properties"]["enableSSO"] is False
    old = spelling_of("2024-04-01", WorkspaceId("s", "g", "w"))
    assert [problem.field for problem in switched.problems(old)] == [
        "enable_sso",
        "idle_time_before_shutdown_minutes",
    ]
    unknown = read(type="computeinstance", enable_root_access=False)
    with pytest.raises(InvalidSpecError, match="nor can any other that this provider supports"):
        unknown.check(spelling_of("2025-12-01", WorkspaceId("s", "g", "w")))


def test_the_ssh_of_an_instance() -> None:
    closed = read(type="computeinstance", ssh_settings={"ssh_key_value": "ssh-rsa A"}).body["properties"]
    assert closed["properties"]["sshSettings"] == {
        "sshPublicAccess": "Disabled",
        "adminPublicKey": "ssh-rsa A",
    }
    open_ = read(type="computeinstance", ssh_public_access_enabled="true").body["properties"]
    assert open_["properties"]["sshSettings"] == {"sshPublicAccess": "Enabled"}
    assert (closed["disableLocalAuth"], open_["disableLocalAuth"]) == (True, False)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"name": "gpu-1"}, "name: 'gpu-1' is not a valid name for a compute"),
        ({"name": "x"}, "name: 'x' is not a valid name for a compute"),
        ({"type": "aks"}, "type: 'aks' is not one of"),
        ({"min_instances": 5, "max_instances": 2}, "min_instances: 5 is more than max_instances, 2"),
        ({"max_instance": 5}, "unknown key 'max_instance'; did you mean 'max_instances'"),
        ({"type": "computeinstance", "max_instances": 2}, "max_instances: unknown key 'max_instances'"),
        ({"tier": "spot"}, "tier: 'spot' is not one of: dedicated, low_priority"),
        ({"identity": {"type": []}}, "identity.type: [] is not one of"),
        ({"identity": {"type": "user_assigned", "user_assigned_identities": 1}}, "1 must be a list"),
        (
            {"type": "virtualmachine", "ssh_settings": {"ssh_private_key_file": "id_rsa"}},
            "'ssh_private_key_file' is not taken: a key is not read from a file here",
        ),
        (
            {"type": "computeinstance", "schedules": {"compute_start_stop": "daily"}},
            "schedules.compute_start_stop: 'daily' must be a list",
        ),
        ({"identity": "user_assigned"}, "identity: a user_assigned identity has user_assigned_identities"),
        (
            {"network_settings": {"subnet": "default"}},
            "network_settings.subnet: 'default' must be",
        ),
        ({"type": "synapsespark"}, "resource_id: '' must be an ARM id"),
    ],
)
def test_what_is_wrong_is_said_with_the_way_out(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidSpecError) as error:
        read(**arguments).check(spelling_of("2025-12-01", WorkspaceId("s", "g", "w")))
    assert problem in str(error.value)
