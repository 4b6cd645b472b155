"""Which api-versions there are, and what becomes of those that there are not."""

from __future__ import annotations

import logging

import pytest

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.versions.api_versions import API_VERSIONS, DEFAULT_API_VERSION, LAST_KNOWN
from airflow_provider_amlrest.rest.versions.spelling import spelling_of

WORKSPACE = WorkspaceId("s", "g", "w")


def test_the_default_is_known_and_all_are_in_order() -> None:
    assert DEFAULT_API_VERSION == "2025-12-01"
    assert DEFAULT_API_VERSION in API_VERSIONS
    assert list(API_VERSIONS) == sorted(set(API_VERSIONS))


@pytest.mark.parametrize("version", API_VERSIONS)
def test_a_known_version_is_spoken_as_it_is(version: str, caplog: pytest.LogCaptureFixture) -> None:
    spelling = spelling_of(version, WORKSPACE)
    assert spelling.api_version == version
    assert spelling.uploads_by_service == (version >= "2023-04-01")
    assert not caplog.records


@pytest.mark.parametrize("version", ["2026-05-02", "2026-09-01-preview", "2031-01-01"])
def test_a_newer_version_is_spoken_as_the_last_known_one_and_logged_once(
    version: str, caplog: pytest.LogCaptureFixture
) -> None:
    spellings = [spelling_of(version, WORKSPACE) for _ in range(3)]
    assert {spelling.api_version for spelling in spellings} == {LAST_KNOWN} == {"2026-05-01"}
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        f"api-version {version} is newer than those this provider knows: 2026-05-01 is used instead."
    )


@pytest.mark.parametrize(
    "version",
    [
        "2021-07-01",
        "2022-01-01-preview",
        "2023-02-01-preview",
        "2025-12-01-preview",
        "2026-05-01-preview",
        "2026-04-01",
        "2020-01-01",
        "2027-13-01",
        "2027-02-30",
        "2027-1-1",
        "2027-01-01-beta",
        " 2025-12-01",
        "2027-01-01\n",
        "２０２７-０１-０１",  # noqa: RUF001
        "latest",
        "",
    ],
)
def test_any_other_version_is_refused_with_those_that_there_are(version: str) -> None:
    with pytest.raises(InvalidSpecError) as caught:
        spelling_of(version, WORKSPACE)
    assert caught.value.field == "api_version"
    assert caught.value.problem == f"{version!r} is not one of {', '.join(API_VERSIONS)}, nor a newer one."
