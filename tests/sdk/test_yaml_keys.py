"""Every key that azure-ai-ml's schemas have stands in the tables of the documentation."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping

import pytest

from airflow_provider_amlrest.kinds import KINDS
from airflow_provider_amlrest.rest.jobs import component_files, steps
from airflow_provider_amlrest.rest.reading.not_taken import NOT_TAKEN
from tests.sdk.conftest import PYTHON, ROOT, STEP_SECONDS
from tests.unit.docs.test_docs import code_words, read, section
from tests.unit.docs.test_yaml_keys import columns, keys_of, members_of_keys, table

pytestmark = pytest.mark.sdk

NO_KEYS = {"environment_variables.value", "inputs.<name>.value"}
"""Members of azure-ai-ml's own classes, which nobody writes."""


@pytest.fixture(scope="module")
def written() -> Mapping[str, list[str]]:
    command = [PYTHON, ROOT / "tests" / "sdk" / "yaml_keys.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=STEP_SECONDS)
    keys: Mapping[str, list[str]] = json.loads(done.stdout)
    return keys


def is_listed(key: str, listed: set[str]) -> bool:
    """Whether a key is listed, or why it is not taken, or that what it is in is sent as it is."""
    above, _, name = key.rpartition(".")
    if key in listed or f"{above}.*" in listed:
        return True
    return name in NOT_TAKEN or (above in NOT_TAKEN and above not in listed)


def test_every_key_of_a_job(written: Mapping[str, list[str]]) -> None:
    members = {key for key, _ in table("Members of keys")}
    members |= {key for kind in KINDS for key in members_of_keys(kind)}
    as_they_are = section(read("job-files.md"), "Members that are not checked")
    members |= {f"{name}.*" for name in code_words(as_they_are)}
    for kind in KINDS:
        listed = keys_of(kind)
        above = {name.partition(".")[0] for name in listed}
        keys = set(written[f"job {kind}"]) - NO_KEYS
        assert [key for key in keys if not is_listed(key, {*listed, *above, *members})] == [], kind


@pytest.mark.parametrize(
    ("what", "heading", "types"),
    [
        ("step", "Keys of steps", list(steps.STEPS)),
        ("component", "Keys of components", list(component_files.KEYS)),
    ],
)
def test_every_key_of_a_step_and_of_a_component(
    written: Mapping[str, list[str]], what: str, heading: str, types: list[str]
) -> None:
    for type_, listed in columns(heading, types).items():
        keys = [key for key in written[f"{what} {type_}"] if "." not in key and key != "$schema"]
        assert len(keys) > 5
        assert [key for key in keys if not is_listed(key, set(listed))] == [], type_
