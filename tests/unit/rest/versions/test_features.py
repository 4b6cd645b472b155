"""The table of what api-versions cannot say: against Microsoft's schemas, and as people meet it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.rest.assets.data import Data
from airflow_provider_amlrest.rest.assets.environment import BuildContext, Environment
from airflow_provider_amlrest.rest.assets.model import Model
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.given import Given
from airflow_provider_amlrest.rest.jobs.job import DataInput, Identity, Notifications, Output, Service
from airflow_provider_amlrest.rest.jobs.spec import JobSpec
from airflow_provider_amlrest.rest.resources.batch import read_deployment as read_batch_deployment
from airflow_provider_amlrest.rest.resources.batch import read_endpoint as read_batch_endpoint
from airflow_provider_amlrest.rest.resources.compute import read_compute
from airflow_provider_amlrest.rest.resources.online import read_deployment as read_online_deployment
from airflow_provider_amlrest.rest.resources.online import read_endpoint as read_online_endpoint
from airflow_provider_amlrest.rest.resources.spec import ResourceSpec
from airflow_provider_amlrest.rest.table import all_features
from airflow_provider_amlrest.rest.versions.api_versions import API_VERSIONS
from airflow_provider_amlrest.rest.versions.features import NEVER, Feature
from airflow_provider_amlrest.rest.versions.spelling import spelling_of
from tests.support.codec import codec_for
from tests.support.job_keys import FEATURES
from tests.unit.answers import REFERENCE
from tests.unit.jobs import DATA, ENVIRONMENT, MODEL, PLAIN, SWEEP, WORKSPACE, arm_id

Asset = Environment | Data | Model
Thing = Asset | JobSpec | ResourceSpec

STORE = "azureml://datastores/workspaceblobstore/paths/p"
CPU = arm_id("computes", "cpu")
MODEL_INPUT = DataInput("mlflow_model", arm_id("models", "m", "1"))

COMPONENT = arm_id("components", "c", "1")
DEPLOYMENT = {"name": "blue", "endpoint_name": "shop", "model": arm_id("models", "m", "1")}
STOP_AT_SIX = {"action": "stop", "trigger": {"type": "cron", "expression": "0 18 * * *"}}


def instance(field: str, value: Any) -> tuple[str, ResourceSpec]:
    given = {"name": "desk", "type": "computeinstance", field: value}
    return field, read_compute(Given(given, Path()))


def endpoint(field: str, value: Any) -> tuple[str, ResourceSpec]:
    return field, read_online_endpoint(Given({"name": "shop", field: value}, Path()))


def deployment(field: str, value: Any) -> tuple[str, ResourceSpec]:
    return field, read_online_deployment(Given({**DEPLOYMENT, field: value}, Path()))


# Of each feature: what uses it and nothing else that may be refused, and the field that the error names.
# Those of one kind of job are in its file in tests/support/job_keys.
USES: dict[str, list[tuple[str, Thing]]] = {
    "an environment from a build context": [
        ("build", replace(ENVIRONMENT, image=None, build=BuildContext("https://h/c/"))),
    ],
    "mltable": [("type", replace(DATA, type="mltable"))],
    "a URI that is neither https nor azureml://datastores/<name>/paths/<path>": [
        ("path", replace(DATA, uri="abfss://fs@a.dfs.core.windows.net/x")),
        ("path", replace(DATA, uri="wasbs://c@a.blob.core.windows.net/x")),
        ("path", replace(DATA, uri="azureml://subscriptions/s/x")),
    ],
    "a model at a URI that is neither https nor azureml://datastores/<name>/paths/<path>": [
        ("path", replace(MODEL, uri="azureml://jobs/train/outputs/model/paths/")),
    ],
    "the stage of a model": [("stage", replace(MODEL, stage="Production"))],
    "an archived model": [("archived", replace(MODEL, is_archived=True))],
    "a job without one (serverless)": [("compute", replace(PLAIN, compute=None))],
    "data that is not registered: a URI, an asset of a registry": [
        ("inputs.iris", replace(PLAIN, inputs=PLAIN.inputs | {"iris": DataInput("uri_file", STORE)})),
        ("inputs.iris", replace(SWEEP, inputs={"iris": DataInput("uri_folder", "https://h/p")})),
    ],
    "a model, or an mltable": [
        ("inputs.iris", replace(PLAIN, inputs=PLAIN.inputs | {"iris": MODEL_INPUT})),
        ("inputs.iris", replace(SWEEP, inputs={"iris": replace(SWEEP.inputs["iris"], type="mltable")})),
    ],
    "a type other than uri_folder": [
        ("outputs.model", replace(PLAIN, outputs={"model": Output("uri_file")})),
        ("outputs.model", replace(SWEEP, outputs={"model": Output("mlflow_model")})),
    ],
    "a path outside of the workspace's datastores": [
        ("outputs.model", replace(PLAIN, outputs={"model": Output(uri="https://h/p")})),
    ],
    "an expression (${{...}}) in a path": [
        ("outputs.model", replace(PLAIN, outputs={"model": Output(uri=f"{STORE}/${{{{name}}}}")})),
    ],
    "the mode direct": [("outputs.model", replace(PLAIN, outputs={"model": Output(mode="direct")}))],
    "a name to register an output under": [
        ("outputs.model", replace(PLAIN, outputs={"model": Output(name="asset")})),
    ],
    "the version to register an output under": [
        ("outputs.model", replace(PLAIN, outputs={"model": Output(version="3")})),
    ],
    "a display name": [("display_name", replace(PLAIN, display_name="x"))],
    "the user's own identity (user_identity)": [
        ("identity", replace(SWEEP, identity=Identity("user_identity"))),
    ],
    "services": [("services", replace(PLAIN, services={"s": Service("ssh")}))],
    "a service on all nodes (all_nodes)": [
        ("services.s", replace(PLAIN, services={"s": Service("ssh", all_nodes=True)})),
    ],
    "queue settings": [
        ("queue_settings", replace(PLAIN, job_tier="spot")),
        ("queue_settings", replace(SWEEP, job_tier="premium")),
    ],
    "notifications": [
        (
            "notification_setting",
            replace(PLAIN, notifications=Notifications(("job_failed",), ("a@example.org",))),
        ),
    ],
    "that the operating system is patched": [instance("enable_os_patching", True)],
    "that there is no root access": [instance("enable_root_access", False)],
    "that there is no single sign-on": [instance("enable_sso", False)],
    "that a stop releases the quota": [instance("release_quota_on_stop", True)],
    "when an idle instance is stopped": [instance("idle_time_before_shutdown_minutes", 30)],
    "when an instance starts and stops": [instance("schedules", {"compute_start_stop": [STOP_AT_SIX]})],
    "an online endpoint": [("type", read_online_endpoint(Given({"name": "shop"}, Path())))],
    "who reaches an endpoint": [endpoint("public_network_access", "disabled")],
    "mirrored traffic": [endpoint("mirror_traffic", {"green": 5})],
    "an online deployment": [("type", read_online_deployment(Given(DEPLOYMENT, Path())))],
    "what a deployment reaches": [deployment("egress_public_network_access", "disabled")],
    "a data collector": [deployment("data_collector", {"collections": {"model_inputs": {}}})],
    "a batch endpoint": [("type", read_batch_endpoint(Given({"name": "score"}, Path())))],
    "a batch deployment": [("type", read_batch_deployment(Given(DEPLOYMENT | {"compute": CPU}, Path())))],
    "a deployment of a pipeline component": [
        (
            "component",
            read_batch_deployment(
                Given({"name": "steps", "endpoint_name": "score", "component": COMPONENT}, Path())
            ),
        )
    ],
} | {what: uses for what, (uses, _) in FEATURES.items()}


def test_every_feature_is_tried() -> None:
    assert sorted(feature.what for feature in all_features()) == sorted(USES)


def body(version: str, thing: Asset | JobSpec) -> dict[str, Any]:
    codec = codec_for(version, WORKSPACE)
    if isinstance(thing, Environment):
        return codec.environment_body(thing)
    if isinstance(thing, Data):
        return codec.data_body(thing)
    if isinstance(thing, Model):
        return codec.model_body(thing)
    return codec.job_body(thing)


CASES = [
    pytest.param(feature, field, thing, id=f"{feature.what}-{number}")
    for feature in all_features()
    for number, (field, thing) in enumerate(USES.get(feature.what, ()))
]


@pytest.mark.parametrize(("feature", "field", "thing"), CASES)
def test_what_a_version_cannot_say_is_refused_by_name(feature: Feature, field: str, thing: Thing) -> None:
    for version in API_VERSIONS:
        if feature.is_in(version):
            assert not refusals(version, thing)
            continue
        refused = refusals(version, thing)
        assert refused
        # Services on all nodes are services in the first place.
        if (version, feature.field, feature.each) != ("2021-03-01-preview", "services", True):
            way_out = (
                f"; {feature.since} is the first after it that can. "
                "Do without it, or set a newer api_version."
                if feature.since != NEVER
                else ", nor can any other that this provider supports. Leave it out."
            )
            assert refused[field] == f"api-version {version} cannot say {feature.what}{way_out}"


def refusals(version: str, thing: Thing) -> dict[str, str]:
    """Field -> why it is refused; all of a resource, the first of any other thing."""
    if isinstance(thing, ResourceSpec):
        problems = thing.problems(spelling_of(version, WORKSPACE))
        return {problem.field: problem.problem for problem in problems}
    try:
        assert body(version, thing)
    except InvalidSpecError as refused:
        return {refused.field: refused.problem}
    return {}


def test_nothing_else_is_refused() -> None:
    for version in API_VERSIONS:
        for thing in (ENVIRONMENT, DATA, replace(DATA, uri="https://h/p"), MODEL, PLAIN, SWEEP):
            assert body(version, thing)


# Where Microsoft's schemas have each feature: a definition, its member, and a value of an enum.
PLACES: dict[str, tuple[str, str | None, str | None]] = {
    "an environment from a build context": ("BuildContext", "contextUri", None),
    "mltable": ("MLTableData", None, None),
    "a URI that is neither https nor azureml://datastores/<name>/paths/<path>": (
        "DataVersionBase(Details|Properties)",
        "dataUri",
        None,
    ),
    "a model at a URI that is neither https nor azureml://datastores/<name>/paths/<path>": (
        "ModelVersion(Details|Properties)",
        "modelUri",
        None,
    ),
    "the stage of a model": ("ModelVersionProperties", "stage", None),
    "an archived model": ("ModelVersion(Details|Properties)", "isArchived", None),
    "data that is not registered: a URI, an asset of a registry": ("UriFileJobInput", "uri", None),
    "a model, or an mltable": ("(MLFlowModel|MLTable)JobInput", "uri", None),
    "a type other than uri_folder": ("UriFileJobOutput", None, None),
    "a path outside of the workspace's datastores": ("UriFolderJobOutput", "uri", None),
    "an expression (${{...}}) in a path": ("UriFolderJobOutput", "uri", None),
    "the mode direct": ("UriFolderJobOutput|OutputDataBinding", "mode", "Direct"),
    "a name to register an output under": ("UriFolderJobOutput", "assetName", None),
    "a display name": ("JobBase(Details|Properties)?", "displayName", None),
    "the user's own identity (user_identity)": ("UserIdentity", None, None),
    "services": ("JobBase(Details|Properties)?", "services", None),
    "a service on all nodes (all_nodes)": ("JobService", "nodes", None),
    "queue settings": ("CommandJob|SweepJob", "queueSettings", None),
    "notifications": ("NotificationSetting", "emailOn", None),
    "the version to register an output under": ("UriFolderJobOutput", "assetVersion", None),
    "that the operating system is patched": ("ComputeInstanceProperties", "enableOSPatching", None),
    "that there is no root access": ("ComputeInstanceProperties", "enableRootAccess", None),
    "that there is no single sign-on": ("ComputeInstanceProperties", "enableSSO", None),
    "that a stop releases the quota": ("ComputeInstanceProperties", "releaseQuotaOnStop", None),
    "when an idle instance is stopped": ("ComputeInstanceProperties", "idleTimeBeforeShutdown", None),
    "when an instance starts and stops": ("ComputeInstanceProperties", "schedules", None),
    # Versions before these have endpoints, too, and word them in ways of their own.
    "an online endpoint": ("OnlineEndpointProperties", "authMode", None),
    "who reaches an endpoint": ("OnlineEndpointProperties", "publicNetworkAccess", None),
    "mirrored traffic": ("OnlineEndpointProperties", "mirrorTraffic", None),
    "an online deployment": ("OnlineDeploymentProperties", "instanceType", None),
    "what a deployment reaches": ("OnlineDeploymentProperties", "egressPublicNetworkAccess", None),
    "a data collector": ("OnlineDeploymentProperties", "dataCollector", None),
    "a batch endpoint": ("BatchEndpointProperties", "defaults", None),
    "a batch deployment": ("BatchDeploymentProperties", "outputAction", None),
    "a deployment of a pipeline component": ("BatchDeploymentProperties", "deploymentConfiguration", None),
} | {what: place for what, (_, place) in FEATURES.items()}


def schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """(version, definitions) of each schema that there is; skips the test where they are absent."""
    files = sorted((REFERENCE / "api" / "schemas").glob("*.json"))
    if not files:
        pytest.skip("the reference data (../shared) is not on this machine")
    for file in files:
        yield file.stem, json.loads(file.read_text())["definitions"]


def members(definition: dict[str, Any]) -> dict[str, Any]:
    """A definition's own members; of a union those that its kinds share."""
    shared = definition["allOf"][0]["properties"] if "allOf" in definition else {}
    return {**definition.get("properties", {}), **shared}


def test_every_feature_has_its_place() -> None:
    assert {feature.what for feature in all_features()} - {"a job without one (serverless)"} == set(PLACES)


@pytest.mark.parametrize("what", PLACES)
def test_first_versions_are_those_of_microsofts_schemas(what: str) -> None:
    [feature] = [feature for feature in all_features() if feature.what == what]
    name, member, value = PLACES[what]
    for version, definitions in schemas():
        found = [members(definitions[key]) for key in definitions if re.fullmatch(name, key)]
        if member is not None:
            found = [properties for properties in found if member in properties]
        if value is not None:
            found = [properties for properties in found if f'"{value}"' in json.dumps(properties[member])]
        assert bool(found) == feature.is_in(version), version


def test_a_compute_is_needed_where_the_table_says_so() -> None:
    [feature] = [feature for feature in all_features() if feature.field == "compute"]
    for version, definitions in schemas():
        needed = {"compute", "computeId"} & set(definitions["CommandJob"]["required"])
        assert bool(needed) != feature.is_in(version), version
