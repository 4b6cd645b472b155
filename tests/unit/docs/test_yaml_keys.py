"""The tables of every key of a job's YAML say what the code takes, and from which api-version on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_provider_amlrest.kinds import KINDS
from airflow_provider_amlrest.rest.jobs import component_files, kind_of, spec, steps
from airflow_provider_amlrest.rest.jobs.kind import Kind
from airflow_provider_amlrest.rest.reading.not_taken import NOT_TAKEN
from airflow_provider_amlrest.rest.table import all_features
from airflow_provider_amlrest.rest.versions.features import Feature
from tests.support.job_keys import MEMBERS, MINIMAL, first_version, known_members, sample, with_value
from tests.unit.answers import REFERENCE
from tests.unit.docs.test_docs import code_words, pages_with, read, rows, section

NO = "-"
OF_A_FILE = ("$schema", "type")


def table(heading: str) -> list[tuple[str, list[str]]]:
    """The rows of a table, on whichever page it is: the key, and the other cells."""
    [page] = pages_with(heading)
    written = rows(section(page.read_text(), heading))
    return [(code_words(row[0])[0], row[1:]) for row in written]


def known(kind: str) -> Kind:
    found = kind_of(kind)
    assert found is not None
    return found


def heading_of(kind: str) -> str:
    """Of the table of what only such jobs have."""
    names = dict.fromkeys((kind, known(kind).job_type))
    [heading] = [text for name in names if pages_with(text := f"Keys of {name} jobs")]
    return heading


def keys_of(kind: str) -> dict[str, str]:
    """Every key of such a job that is listed, and from which api-version on."""
    own = {key: version for key, [version] in table(heading_of(kind))}
    of_all = {key: max(version, own["type"]) for key, [version] in table("Keys of jobs")}
    keys = {key: version for key, version in own.items() if key not in members_of_keys(kind)}
    return {key: version for key, version in {**of_all, **keys}.items() if version != NO}


def members_of_keys(kind: str) -> list[str]:
    """The members of keys that are listed for such a job alone."""
    keys = {*OF_A_FILE, *known(kind).keys, *(key for key, _ in table("Keys of jobs"))}
    return [key for key, _ in table(heading_of(kind)) if key.rpartition(".")[0] and key not in keys]


def columns(heading: str, names: list[str]) -> dict[str, dict[str, str]]:
    """The cells of a table with a column for each name: name -> key -> cell, without what is not there."""
    [header] = re.findall(r"^\| key \| (.*) \|$", section(read("job-files.md"), heading), re.MULTILINE)
    assert header.split(" | ") == names
    keys = [key for key, _ in table(heading)]
    assert len(keys) == len(set(keys))
    return {
        name: {key: cells[number] for key, cells in table(heading) if cells[number] != NO}
        for number, name in enumerate(names)
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pipeline.yml").write_text(yaml.safe_dump({"type": "pipeline", **MINIMAL["pipeline"]}))
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_a_job_is_listed_with_its_first_version(kind: str, folder: Path) -> None:
    listed = keys_of(kind)
    assert set(listed) == {*OF_A_FILE, *known(kind).keys}
    for key, version in listed.items():
        value = kind if key in OF_A_FILE else sample(kind, key)
        assert version == first_version(with_value(kind, key, value), folder), key


@pytest.mark.parametrize(("kind", "key"), MEMBERS)
def test_every_member_of_a_key_is_listed_with_its_first_version(kind: str, key: str, folder: Path) -> None:
    headings = ("Members of keys", heading_of(kind))
    listed = {name: version for heading in headings for name, [version] in table(heading)}
    members = MEMBERS[kind, key]
    for member, (beside, value) in members.items():
        values = with_value(kind, key, {**beside, member: value})
        assert listed[f"{key}.{member}"] == first_version(values, folder), member
    beside, _ = next(iter(members.values()))
    unknown = with_value(kind, key, {**beside, "no_such_key": 1})
    assert set() < known_members(unknown, folder) - {"$schema"} <= set(members)


@pytest.mark.parametrize("kind", KINDS)
def test_no_member_is_listed_that_is_not_tried(kind: str) -> None:
    of_all = [name for name, _ in table("Members of keys")] if kind == "command" else []
    tried = [
        f"{key}.{member}" for (one, key), members in MEMBERS.items() if one == kind for member in members
    ]
    assert [*of_all, *members_of_keys(kind)] == tried


@pytest.mark.parametrize(
    ("heading", "common", "own"),
    [
        ("Keys of steps", steps.COMMON, steps.STEPS),
        ("Keys of components", component_files.COMMON, component_files.KEYS),
    ],
)
def test_every_key_of_a_step_and_of_a_component_is_listed(
    heading: str, common: tuple[str, ...], own: Mapping[str, tuple[str, ...]]
) -> None:
    listed = columns(heading, list(own))
    assert {type_: set(keys) for type_, keys in listed.items()} == {
        type_: {*common, *keys} for type_, keys in own.items()
    }
    assert {cell for keys in listed.values() for cell in keys.values()} == {"yes"}
    first = re.search(r"first api-version is ([\d\-]+-preview)", section(read("job-files.md"), heading))
    assert first is not None
    assert keys_of("pipeline")["jobs"] == first[1]


def is_a_key(feature: Feature) -> bool:
    """Whether a feature is a key as a whole, or a member of one: its table has the version."""
    of_all = [*table("Keys of jobs"), *table("Members of keys")]
    for kind in KINDS:
        arguments = known(kind).keys
        if feature not in (*spec.FEATURES, *known(kind).features):
            continue
        for key, [version] in (*of_all, *table(heading_of(kind))):
            above, _, name = key.rpartition(".")
            fields = {arguments.get(key), f"{arguments.get(above)}.{name}", name if above else ""}
            if feature.field in fields and version == feature.since and not feature.also:
                return True
    return False


def test_what_a_version_cannot_say_is_described_as_it_is_refused() -> None:
    table = rows(section(read("api-versions.md"), "What a version cannot say").partition("These differ")[0])
    assert [tuple(cell.replace("`", "") for cell in row) for row in table] == [
        (feature.field, feature.what, ", and ".join((feature.since, *feature.also)))
        for feature in all_features()
        if not is_a_key(feature)
    ]


def test_why_a_key_is_not_taken_is_said() -> None:
    assert [(key, cells[0]) for key, cells in table("Keys that are not taken")] == list(NOT_TAKEN.items())


# Microsoft's


needs_reference = pytest.mark.skipif(
    not (REFERENCE / "api" / "yaml").is_dir(), reason="the reference data (../shared) is not on this machine"
)
IDS = {"codeId": "code", "computeId": "compute", "componentId": "component"}
WIRE_ONLY = {"jobType", "isArchived", "taskDetails"}
"""Members of the API that no key of the CLI stands for."""
TASKS = ("Classification", "Forecasting", "Regression", "ImageObjectDetection", "TextNer")
OF_A_TASK = {
    "task_type": "task",
    "featurization_settings": "featurization",
    "forecasting_settings": "forecasting",
    "limit_settings": "limits",
    "training_settings": "training",
    "model_settings": "training_parameters",
    "fixed_parameters": "training_parameters",
    "sweep_settings": "sweep",
}


def snake(name: str) -> str:
    return re.sub(r"([A-Z])", r"_\1", name).lower()


def members_of(definition: dict[str, Any]) -> set[str]:
    return {name for one in (definition, *definition.get("allOf", ())) for name in one.get("properties", ())}


@needs_reference
@pytest.mark.parametrize("kind", KINDS)
def test_every_member_of_microsofts_schema_is_listed(kind: str) -> None:
    schema = json.loads((REFERENCE / "api" / "schemas" / "2025-12-01.json").read_text())["definitions"]
    members = members_of(schema[f"{known(kind).job_type}Job"]) | members_of(schema["JobBaseProperties"])
    own = {"environmentId": "environment_id" if kind == "automl" else "environment"}
    keys = {own.get(name) or IDS.get(name) or snake(name) for name in members - WIRE_ONLY}
    if kind == "automl":
        of_tasks = {snake(name) for task in TASKS for name in members_of(schema[task])}
        keys |= {OF_A_TASK.get(name, name) for name in of_tasks}
    listed = keys_of(kind)
    assert keys - set(listed) - {name.partition(".")[0] for name in listed} - set(NOT_TAKEN) == set()


def files_of_jobs() -> Iterator[tuple[Path, dict[str, Any], str]]:
    """Microsoft's files, and whether each is a job or a component."""
    for file in sorted((REFERENCE / "api" / "yaml").rglob("*.yml")):
        found = re.search(r"^\$schema: \S+?(Job|Component)\.schema", file.read_text(), re.MULTILINE)
        if found:
            yield file, yaml.safe_load(file.read_text()), found[1]


@needs_reference
def test_every_key_of_microsofts_files_is_listed() -> None:
    jobs = {kind: keys_of(kind) for kind in KINDS}
    components = columns("Keys of components", list(component_files.KEYS))
    of_steps = columns("Keys of steps", list(steps.STEPS))
    tried = 0
    for file, values, what in files_of_jobs():
        type_ = str(values.get("type") or ("pipeline" if "jobs" in values else "command")).lower()
        listed = (jobs if what == "Job" else components)[type_]
        keys = set(values) - {name.partition(".")[0] for name in listed}
        for step in (values.get("jobs") or {}).values():
            keys |= set(step) - set(of_steps[str(step.get("type") or "command").lower()])
        assert keys - set(NOT_TAKEN) == set(), file
        tried += 1
    assert tried > 50
