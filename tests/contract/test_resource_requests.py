"""What we send of computes, endpoints and deployments, against Microsoft's schemas of every api-version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest

from airflow_provider_amlrest.emulator.answers import MlError
from airflow_provider_amlrest.emulator.arm import compute_shapes, shapes
from airflow_provider_amlrest.emulator.arm.batch import shapes as batch_shapes
from airflow_provider_amlrest.emulator.arm.online import shapes as online_shapes
from airflow_provider_amlrest.emulator.arm.versions import ApiVersion
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.resources import batch, compute, online
from airflow_provider_amlrest.rest.times import duration
from airflow_provider_amlrest.rest.versions.api_versions import API_VERSIONS
from airflow_provider_amlrest.rest.versions.features import NEVER
from airflow_provider_amlrest.rest.versions.spelling import spelling_of
from tests.contract import schemas
from tests.contract.bodies import check_first_versions, first_version
from tests.contract.resource_calls import KINDS, WORKSPACE, put_body, sayable, spec
from tests.contract.tally import count
from tests.contract.test_written import places, replaced

ODD: list[Any] = [
    "",
    "x",
    " ",
    "\u00e9",
    "2g",
    "PT1H",
    "None",
    "/subscriptions/x",
    0,
    -1,
    1.5,
    2**31,
    True,
    None,
]
ODD += [1e-9, 123456789.125, [], [1], {}, {"a": 1}, {"a": None}]


def kind_of(path: str) -> str:
    """``onlineEndpoints/deployments`` of ``onlineEndpoints/shop/deployments/blue``."""
    return "/".join(path.split("/")[::2])


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_can_be_said_is_valid_in_every_version(kind: str) -> None:
    read, given = KINDS[kind]
    refusals: dict[str, dict[str, str]] = {}
    for version in API_VERSIONS:
        spelling = spelling_of(version, WORKSPACE)
        problems = spec(read, given).problems(spelling)
        refusals[version] = {problem.field: first_version(version, problem) for problem in problems}
        told = sayable(version, kind)
        if told is not None:
            found = spec(read, told)
            assert not found.problems(spelling)
            body = put_body(found)
            schemas.check_resource(version, kind_of(found.path), body)
            check_nothing_is_lost(told, body)
            count("bodies of resources x api-versions validated")
    check_first_versions(refusals)
    assert refusals[API_VERSIONS[-1]] == {}


# Nothing is lost


OF_THE_ADDRESS = {"name", "endpoint_name", "type", "enabled"}
UNITS = {"minutes": 60, "ms": 0.001}
"""What a time is given in, if not in seconds."""


def check_nothing_is_lost(given: Mapping[str, Any], body: dict[str, Any]) -> None:
    """Every text and number of a resource is somewhere in the body, a time as a duration."""
    found = [one for pair in leaves(body) for one in pair]
    texts = {text.lower().replace("_", "") for text in found if isinstance(text, str)}
    numbers = {leaf for leaf in found if not isinstance(leaf, str)}
    numbers |= {seconds for text in found if isinstance(text, str) and (seconds := duration(text))}
    for name, leaf in leaves(given):
        if name in OF_THE_ADDRESS:
            continue
        if isinstance(leaf, str):
            assert leaf.lower().replace("_", "") in texts, (name, leaf)
        elif isinstance(leaf, bool):
            assert leaf in numbers or str(leaf).lower() in texts or "enabled" in texts, (name, leaf)
        else:
            assert leaf * UNITS.get(name.rpartition("_")[2], 1) in numbers, (name, leaf)


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a nested mapping, and what they are called."""
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield from leaves(member, key)
        if not value:
            yield name, name
    elif isinstance(value, list | tuple):
        for member in value:
            yield from leaves(member, name)
    else:
        yield name, value


def test_switches_as_by_default_are_in_no_body() -> None:
    """Not every version knows them, so none is sent that says nothing."""
    read, given = KINDS["instance"]
    plain = {name: value for name, value in given.items() if name != "enable_sso"}
    switches = {"enable_sso": True, "enable_root_access": "true", "enable_os_patching": False}
    switched = spec(read, {**plain, **switches, "release_quota_on_stop": "False"})
    assert put_body(switched) == put_body(spec(read, plain))


@pytest.mark.parametrize("kind", KINDS)
def test_no_key_is_taken_and_left_out(kind: str) -> None:
    """Without any of them, the body is another one, or there is none."""
    read, given = KINDS[kind]
    whole = put_body(spec(read, given))
    address = spec(read, given).path
    for place in places(given):
        try:
            less = spec(read, without(given, place))
        except InvalidSpecError:
            continue
        assert less.path != address or put_body(less) != whole or place[-1] in AS_BY_DEFAULT, place


AS_BY_DEFAULT = {"auth_mode", "enabled", "type"}


def without(value: Any, place: tuple[Any, ...]) -> Any:
    if len(place) > 1:
        return replaced(value, place[:1], without(value[place[0]], place[1:]))
    if isinstance(value, list):
        return [member for index, member in enumerate(value) if index != place[0]]
    return {key: member for key, member in value.items() if key != place[0]}


def test_every_key_is_tried() -> None:
    tried: dict[Any, set[str]] = {}
    for read, given in KINDS.values():
        tried.setdefault(read, set()).update(given)
    switches = {one.field for one in compute.FEATURES if one.since == NEVER}
    assert tried[compute.read_compute] == set(compute.KEYS) - switches
    assert tried[online.read_endpoint] == set(online.ENDPOINT_KEYS)
    assert tried[online.read_deployment] | {"type"} == set(online.DEPLOYMENT_KEYS)
    assert tried[batch.read_endpoint] == set(batch.ENDPOINT_KEYS)
    # A job's definition is refused.
    assert tried[batch.read_deployment] | {"job_definition"} == {*batch.MODEL_KEYS, *batch.PIPELINE_KEYS}


# The emulator knows on its own which version has what, those without a schema too


def shape_of(kind: str) -> Any:
    """What reads the emulator's requests, and which part of a body."""
    if kind in ("cluster", "instance"):
        return compute_shapes.PROPERTIES, ("properties",)
    room: Any = online_shapes if kind.startswith("online") else batch_shapes
    return room.ENDPOINT_RESOURCE if kind.endswith("endpoint") else room.DEPLOYMENT_RESOURCE, ()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("pool", "machine")])
def test_the_emulator_takes_what_is_sent_and_refuses_what_we_refuse(kind: str) -> None:
    shape, keys = shape_of(kind)
    read, given = KINDS[kind]
    whole = spec(read, given)
    for version in API_VERSIONS:
        problems = [problem.field for problem in whole.problems(spelling_of(version, WORKSPACE))]
        if (told := sayable(version, kind)) is not None:
            shapes.read(shape, put_body(spec(read, told)), ApiVersion(version), *keys)
            # Since when instances have what is refused is a guess there, and schedules are read-only once.
            if problems and kind != "instance":
                with pytest.raises(MlError):
                    shapes.read(shape, put_body(whole), ApiVersion(version), *keys)


# What a person writes: one odd value in the place of each that was right


@pytest.mark.parametrize("kind", KINDS)
def test_one_odd_value_is_refused_or_valid(kind: str) -> None:
    read, given = KINDS[kind]
    version = API_VERSIONS[-1]
    for place in places(given):
        for odd in ODD:
            try:
                found = spec(read, replaced(given, place, odd))
            except InvalidSpecError:
                continue
            except Exception as error:
                error.add_note(f"{'.'.join(map(str, place))} is {odd!r}")
                raise
            if found.problems(spelling_of(version, WORKSPACE)):
                continue
            try:
                schemas.check_resource(version, kind_of(found.path), put_body(found))
            except jsonschema.ValidationError as error:
                error.add_note(f"{'.'.join(map(str, place))} is {odd!r}")
                raise


# What the repaired schemas must refuse, lest the tests above prove nothing

WRONG: list[tuple[str, dict[str, Any]]] = [
    ("cluster", {"sku": 1}),
    ("cluster", {"scale": {}}),
    ("cluster", {"tags": {"a": 1}}),
    ("cluster", {"properties": {"computeType": "AmlCompute", "vmSize": "x"}}),
    ("cluster", {"properties": {"computeType": "Amlcompute"}}),
    ("instance", {"properties": {"computeType": "ComputeInstance", "properties": {"scaleSettings": {}}}}),
    ("online endpoint", {"properties": {"authMode": "key"}}),
    ("online endpoint", {"properties": {"authMode": "Key", "traffic": {"blue": "100"}}}),
    ("online endpoint", {"identity": {"type": "system_assigned"}}),
    ("online deployment", {"sku": {"capacity": 1}}),
    ("online deployment", {"properties": {"endpointComputeType": "Managed", "instanceCount": 1}}),
    ("online deployment", {"properties": {"endpointComputeType": "Managed", "model": {"assetId": "m"}}}),
    ("batch deployment", {"properties": {"compute": {"target": "cpu"}}}),
    ("batch deployment", {"properties": {"model": "m"}}),
    ("batch deployment", {"properties": {"retrySettings": {"timeout": "90"}}}),
]


@pytest.mark.parametrize(("kind", "wrong"), WRONG)
def test_the_repaired_schemas_refuse(kind: str, wrong: dict[str, Any]) -> None:
    found = spec(*KINDS[kind])
    with pytest.raises(jsonschema.ValidationError):
        schemas.check_resource("2025-12-01", kind_of(found.path), put_body(found) | wrong)


def test_a_newer_member_is_invalid_in_an_older_version() -> None:
    """What is refused is refused rightly."""
    for read, given in KINDS.values():
        whole = spec(read, given)
        for version in schemas.FILES:
            problems = whole.problems(spelling_of(version, WORKSPACE))
            # A kind that we begin with a later version than Microsoft is in the schemas of both.
            if problems and "type" not in [problem.field for problem in problems]:
                with pytest.raises(jsonschema.ValidationError):
                    schemas.check_resource(version, kind_of(whole.path), put_body(whole))
                count("refusals that Microsoft's schemas share")
