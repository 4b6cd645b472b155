from __future__ import annotations

import json
from importlib import import_module
from importlib.metadata import entry_points
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from airflow_provider_amlrest import operators
from airflow_provider_amlrest.connection import FIELDS, HIDDEN_FIELDS, RELABELING
from airflow_provider_amlrest.get_provider_info import get_provider_info

INFO = get_provider_info()
[FORM] = INFO["connection-types"]


def load(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


@pytest.mark.parametrize("schema", ["provider_info.schema.json"])
def test_it_is_what_airflow_asks_for(schema: str) -> None:
    jsonschema.validate(INFO, json.loads((files("airflow") / schema).read_text()))


def test_airflow_finds_it() -> None:
    [found] = [e for e in entry_points(group="apache_airflow_provider") if "amlrest" in e.value]
    assert found.load()() == INFO


def test_everything_named_can_be_imported() -> None:
    hook = load(FORM["hook-class-name"])
    assert (hook.conn_type, hook.hook_name) == (FORM["connection-type"], FORM["hook-name"])
    for link in INFO["extra-links"]:
        assert load(link).name
    for kind in ("hooks", "operators", "sensors"):
        for entry in INFO[kind]:
            for module in entry["python-modules"]:
                import_module(module)


def test_every_operator_is_named() -> None:
    [entry] = INFO["operators"]
    assert {load(f"{operators.__name__}.{name}").__module__ for name in operators.__all__} == {
        *entry["python-modules"]
    }


def test_the_form_is_the_table() -> None:
    fields = FORM["conn-fields"]
    assert list(fields) == [field.name for field in FIELDS]
    for field in FIELDS:
        schema = fields[field.name]["schema"]
        assert fields[field.name]["label"] == field.label
        assert schema.get("enum", []) == list(field.choices)
        assert schema.get("default") == field.default
        assert (schema.get("format") == "password") is field.secret
    behaviour = FORM["ui-field-behaviour"]
    assert behaviour["hidden-fields"] == list(HIDDEN_FIELDS)
    assert behaviour["relabeling"] == RELABELING
    hook = load(FORM["hook-class-name"]).get_ui_field_behaviour()
    assert {key.replace("_", "-"): value for key, value in hook.items()} == behaviour


def test_a_field_left_empty_fits_its_schema() -> None:
    for name, field in FORM["conn-fields"].items():
        schema = {**field["schema"]}
        value = schema.pop("default", None)
        if value is None:
            # Of what a list does not hold, the form makes nothing at all.
            schema.pop("enum", None)
        jsonschema.validate(value, schema)
        assert "null" in schema["type"], name
