from __future__ import annotations

import pytest

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import NAME_PATTERN, ResourceId, WorkspaceId, path_segment

WORKSPACE = WorkspaceId("sub", "my(group)", "ws")
TEXT = "/subscriptions/sub/resourceGroups/my(group)/providers/Microsoft.MachineLearningServices/workspaces/ws"


def test_workspace_round_trip() -> None:
    assert str(WORKSPACE) == TEXT
    assert WorkspaceId.parse(TEXT) == WORKSPACE
    assert WorkspaceId.parse(TEXT + "/") == WORKSPACE


@pytest.mark.parametrize(
    ("resource", "suffix"),
    [
        (WORKSPACE.resource("computes", "cpu"), "/computes/cpu"),
        (WORKSPACE.resource("environments", "sk", "1.0+b"), "/environments/sk/versions/1.0+b"),
    ],
)
def test_resource_round_trip(resource: ResourceId, suffix: str) -> None:
    assert str(resource) == TEXT + suffix
    parsed = ResourceId.parse(f"azureml:{TEXT}{suffix}")
    assert parsed == resource
    assert (parsed.kind, parsed.name, parsed.version) == (resource.kind, resource.name, resource.version)


def test_ids_compare_without_case_as_arm_does() -> None:
    lower = WorkspaceId.parse(TEXT.lower())
    assert lower == WORKSPACE
    assert hash(lower) == hash(WORKSPACE)
    assert lower.resource("jobs", "J") == WORKSPACE.resource("jobs", "j")
    assert WorkspaceId("sub", "my(group)", "ws2") != WORKSPACE
    assert WORKSPACE.resource("jobs", "j") != WORKSPACE.resource("computes", "j")
    assert str(WORKSPACE) != WORKSPACE


@pytest.mark.parametrize(
    "text",
    ["", "ws", TEXT + "/jobs", TEXT + "/jobs/j/versions", "/subscriptions/s/resourceGroups/g", "/" + TEXT],
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not the ARM id"):
        ResourceId.parse(text)
    with pytest.raises(ValueError, match="is not the ARM id"):
        WorkspaceId.parse(text)


def test_a_workspace_is_no_resource_and_the_other_way_round() -> None:
    with pytest.raises(ValueError, match="something in an Azure ML workspace"):
        ResourceId.parse(TEXT)
    with pytest.raises(ValueError, match="of an Azure ML workspace"):
        WorkspaceId.parse(f"{TEXT}/jobs/j")


def test_paths_are_quoted_and_lead_nowhere_else() -> None:
    assert "/resourceGroups/my%28group%29/" in WORKSPACE.path
    assert path_segment("a/b?c#d") == "a%2Fb%3Fc%23d"
    for bad in ("", ".", ".."):
        with pytest.raises(InvalidSpecError, match="cannot be the name"):
            path_segment(bad)
    with pytest.raises(InvalidSpecError, match="cannot be the name"):
        _ = WorkspaceId("s", "g", "..").path


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("a", True),
        ("0-_Z", True),
        ("a" * 255, True),
        ("a" * 256, False),
        ("-a", False),
        ("a.b", False),
        ("é", False),
    ],
)
def test_names(name: str, good: bool) -> None:
    assert bool(NAME_PATTERN.fullmatch(name)) is good
