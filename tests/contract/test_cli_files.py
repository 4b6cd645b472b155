"""Microsoft's own job files for the CLI: what the operators have a parameter for is taken as it is written.

The files lie beside the project (``../shared/api/yaml``), not in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_provider_amlrest.operators import (
    AzureMLSubmitCommandJobOperator,
    AzureMLSubmitSweepJobOperator,
)
from airflow_provider_amlrest.rest.assets.data import Data
from airflow_provider_amlrest.rest.assets.environment import Environment
from airflow_provider_amlrest.rest.assets.model import Model
from airflow_provider_amlrest.rest.jobs.lookup import Lookup
from airflow_provider_amlrest.rest.jobs.lookups import CodeLookup, ComputeLookup
from airflow_provider_amlrest.rest.reading.references import Registry
from airflow_provider_amlrest.rest.versions.api_versions import DEFAULT_API_VERSION
from tests.contract.bodies import check_shape, wire
from tests.contract.schemas import API
from tests.support.looked_up import looked_up
from tests.support.tasks import read_job
from tests.unit.jobs import arm_id

FILES = sorted(
    file
    for file in (API / "yaml").rglob("*.yml")
    if any(f"/{kind}Job.schema.json" in file.read_text() for kind in ("command", "sweep"))
)
RENAMED = {"resources": "job_resources"}
"""A member of the files, and our parameter for it where Airflow has its own meaning for the word."""
OF_A_FILE = {"$schema", "type", "trial"}
"""What a file says of itself."""

pytestmark = pytest.mark.skipif(not FILES, reason="the reference data (../shared) is not on this machine")


def members(file: Path) -> dict[str, Any]:
    """The operator's parameters as the file has them."""
    written = yaml.safe_load(file.read_text())
    flat = {**written.get("trial", {}), **{key: value for key, value in written.items() if key != "trial"}}
    return {RENAMED.get(key, key): value for key, value in flat.items() if key not in OF_A_FILE}


def without_local(given: dict[str, Any]) -> dict[str, Any]:
    """The parameters without what other operators are for, and without the files' own blanks.

    An environment that the file defines, and local data, are registered by operators of their own.
    """
    given = dict(given)
    if isinstance(given["environment"], dict):
        assert set(given["environment"]) <= {"image", "build", "conda_file"}
        given["environment"] = arm_id("environments", "made", "1")
    for name in ("environment", "compute"):
        if str(given.get(name)).startswith("< your"):
            given[name] = {"environment": "mine:1", "compute": "cpu"}[name]
    inputs = dict(given.get("inputs") or {})
    for name, value in inputs.items():
        if isinstance(value, dict) and str(value["path"]).startswith(".."):
            inputs[name] = {**value, "path": "azureml:made:1"}
    return {**given, "inputs": inputs}


def found(client: Any, lookup: Lookup) -> Any:
    """What is sent for it, without a compute to ask for and a place to upload to."""
    if isinstance(lookup, ComputeLookup):
        return None
    return arm_id("codes", "c", "1") if isinstance(lookup, CodeLookup) else lookup.find(client)


class Asked:
    """A client that finds everything in the workspace."""

    def __getattr__(self, name: str) -> Any:
        kinds = {"environment": "environments", "data": "data", "model": "models"}
        kind = name.rpartition("_")[2]

        def answer(asset: str, version: str = "7") -> Any:
            id_ = arm_id(kinds[kind], asset, version)
            if kind == "environment":
                return Environment(asset, version, id=id_)
            if kind == "model":
                return Model(asset, version, "custom_model", "", id=id_)
            return Data(asset, version, "uri_folder", "", id=id_)

        return answer


def test_the_files_are_there() -> None:
    assert len(FILES) == 24
    references = [members(file)["environment"] for file in FILES]
    assert any(str(reference).endswith("@latest") for reference in references)
    assert any(isinstance(reference, dict) for reference in references)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(API / "yaml")))
def test_every_member_is_taken(file: Path, tmp_path: Path) -> None:
    given = without_local(members(file))
    is_sweep = "search_space" in given
    operator = AzureMLSubmitSweepJobOperator if is_sweep else AzureMLSubmitCommandJobOperator
    if given.get("code", ".") != ".":
        (tmp_path / given["code"]).mkdir()
    (tmp_path / given.get("code", ".") / "main.py").touch()
    # A member that there is no parameter for is refused here.
    task = operator(task_id="t", **given)
    read: Any = read_job(task, tmp_path)
    run = read.trial if is_sweep else read
    assert ("code" in given) == (run.code is not None)
    client: Any = Asked()
    environment = run.environment.find(client)
    assert isinstance(run.environment.reference, Registry) == environment.startswith("azureml://registries/")
    if "AzureML-" in given["environment"]:
        assert environment == given["environment"], "the service finds it in its registry"
    job = looked_up(read, lambda lookup: found(client, lookup))
    check_shape(DEFAULT_API_VERSION, job, wire(DEFAULT_API_VERSION, job))
    assert set(job.inputs) == set(given["inputs"])
    assert set(job.outputs) == set(given.get("outputs") or {})
    if "limits" in given and not is_sweep:
        assert job.timeout == given["limits"]["timeout"]  # type: ignore[union-attr]
    if "services" in given:
        assert job.services["my_tensorboard"].properties == {"logDir": "outputs/tblogs"}
