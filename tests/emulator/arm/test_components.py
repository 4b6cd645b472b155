"""Components: containers and versions, what is answered of their specs, and which changes are taken."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.running import Running, said

SPEC: dict[str, Any] = {
    "name": "train",
    "type": "command",
    "command": "python train.py $[[--rate ${{inputs.rate}}]] --data ${{inputs.data}} ${{outputs.model}}",
    "environment": "azureml:AzureML-sklearn:3",
    "is_deterministic": True,
    "inputs": {"rate": {"type": "number", "optional": True, "default": 0.5}, "data": {"type": "uri_folder"}},
    "outputs": {"model": {"type": "uri_folder"}},
    "_source": "YAML.COMPONENT",
}


def put(emulator: Running, name: str, *, expect: int = 201, version: str = "1", **changes: Any) -> Any:
    spec = {**SPEC, "name": name, **changes}
    return emulator.put(f"components/{name}/versions/{version}", {"componentSpec": spec}, expect)


def test_a_spec_is_answered_as_text_with_its_defaults(emulator: Running) -> None:
    answered = put(emulator, "texts")["componentSpec"]
    assert answered["is_deterministic"] == "True"
    assert answered["inputs"]["data"] == {"type": "uri_folder", "optional": "False"}
    assert answered["inputs"]["rate"] == {"type": "number", "optional": "True", "default": "0.5"}
    assert answered["resources"] == {"instance_count": "1"}
    assert answered["version"] == "1"
    assert answered["environment"] == "azureml://registries/azureml/environments/AzureML-sklearn/versions/3"
    assert "_source" not in answered
    assert emulator.get("components/texts/versions/1")["componentSpec"] == answered


def test_the_same_again_is_fine_and_words_may_change(emulator: Running) -> None:
    put(emulator, "again")
    answered = put(emulator, "again", expect=200, display_name="Train", description="New words")
    assert answered["description"] is None
    assert answered["componentSpec"]["description"] == "New words"
    sent_back = {"is_deterministic": "True", "resources": {"instance_count": 1}}
    put(emulator, "again", expect=200, **sent_back)


def test_what_runs_cannot_change(emulator: Running) -> None:
    put(emulator, "fixed")
    spec = {**SPEC, "name": "fixed", "command": "another"}
    answer = emulator.ml("PUT", "components/fixed/versions/1", {"properties": {"componentSpec": spec}})
    assert answer.status_code == 409
    assert "fixed with version 1 is already registered" in said(answer)
    assert emulator.get("components/fixed/versions/1")["componentSpec"]["command"] == SPEC["command"]


def test_anonymous_components_keep_the_name_of_all(emulator: Running) -> None:
    path = "components/azureml_anonymous/versions/4cc06ea3-1d89-1537-e535-32597689d184"
    spec = {**SPEC, "name": "azureml_anonymous", "version": "1"}
    answered = emulator.put(path, {"componentSpec": spec, "isAnonymous": True})
    assert answered["isAnonymous"] is True
    assert answered["componentSpec"]["version"] == "1"


def test_lists_and_containers(emulator: Running) -> None:
    put(emulator, "listed")
    put(emulator, "listed", version="2")
    versions = emulator.ml("GET", "components/listed/versions").json()["value"]
    assert [item["name"] for item in versions] == ["2", "1"]
    assert versions[0]["type"].endswith("/workspaces/components/versions")
    container = emulator.get("components/listed")
    assert (container["latestVersion"], container["nextVersion"]) == ("2", "3")
    assert "listed" in [item["name"] for item in emulator.ml("GET", "components").json()["value"]]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"type": None}, "componentSpec.type"),
        ({"command": None}, "needs command"),
        ({"environment": ""}, "needs environment"),
        ({"type": "pipeline"}, "needs jobs"),
        ({"inputs": {"rate": {}}}, "inputs.rate"),
        ({"name": "another"}, "'another' is not the component's"),
    ],
)
def test_a_spec_that_cannot_be(emulator: Running, changes: dict[str, Any], problem: str) -> None:
    body = {"properties": {"componentSpec": {**SPEC, "name": "bad", **changes}}}
    answer = emulator.ml("PUT", "components/bad/versions/1", body)
    assert answer.status_code == 400
    assert problem in said(answer)


def test_a_version_without_a_spec(emulator: Running) -> None:
    answer = emulator.ml("PUT", "components/bad/versions/1", {"properties": {}})
    assert answer.status_code == 400


def test_a_component_that_there_is_not(emulator: Running) -> None:
    assert emulator.ml("GET", "components/none").status_code == 404
    assert emulator.ml("GET", "components/none/versions/1").status_code == 404


def test_the_first_api_version_has_none(emulator: Running) -> None:
    answer = emulator.ml("GET", "components", version="2021-03-01-preview")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "NoRegisteredProviderFound"
    assert emulator.ml("GET", "components", version="2022-02-01-preview").status_code == 200
