"""Inputs on the wire, in all spellings."""

from __future__ import annotations

from airflow_provider_amlrest.rest.jobs import wire_2021
from airflow_provider_amlrest.rest.jobs.job import DataInput, Input, LiteralInput
from airflow_provider_amlrest.rest.jobs.lookup import Lookup
from airflow_provider_amlrest.rest.versions.spelling import Spelling, Wire
from airflow_provider_amlrest.rest.versions.words import MODES, without_nones


def input_body(spelling: Spelling, value: Input | Lookup) -> Wire | Lookup:
    """What an input is in a body; one that is still to be looked up stands in it as it is."""
    if isinstance(value, Lookup):
        return value
    if spelling.is_of_2021 and isinstance(value, DataInput):
        return wire_2021.input_body(value)
    if isinstance(value, LiteralInput):
        return {"jobInputType": spelling.type("literal"), "value": value.value}
    mode = value.mode and MODES[value.mode]
    return without_nones(jobInputType=spelling.type(value.type), uri=value.uri, mode=mode)
