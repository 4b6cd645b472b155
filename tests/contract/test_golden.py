"""Microsoft's YAML files, and the requests that azure-ai-ml 1.35.2 makes of them.

The goldens lie beside the project (``../shared/api/sdk-golden``), not in it. What differs is normalised in
:func:`meaning`, or is a row of REFUSED or OTHERWISE. The files' code and data are not there, which ``--body``
does not need.
"""

from __future__ import annotations

import io
import json
import re
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_provider_amlrest.cli.files import validate
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from tests.contract.schemas import API
from tests.contract.tally import count

KINDS = ("pipelineJob", "commandcomponent", "sparkcomponent", "pipelinecomponent", "autoMLJob", "model")
GOLDEN = {
    path.stem: golden
    for path in sorted((API / "sdk-golden").glob("*.json"))
    if (golden := json.loads(path.read_text()))["kind"] in KINDS
}
OF_A_CLIENT = ("isArchived", "_source", "client_component_hash", "isAnonymous")
"""Members that say which client made a request, or what the service assumes anyway."""
DEFAULTS = {"limitSettings": {"sweepTrials": 0, "sweepConcurrentTrials": 0, "maxNodes": 1, "maxTrials": 1}}
"""Members that azure-ai-ml adds; a stable api-version refuses some of them."""
REFUSED = {
    "3a_basic_pipeline/pipeline.yml": "unknown key 'default_datestore'",
    "batch-scoring-with-preprocessing/pipeline-job.yml": "inputs.input_data: .* has no 'path'",
    "deployment-ordinal/pipeline-job.yml": "inputs.input_data: .* has no 'path'",
    "pipeline_job_with_flow_as_component/pipeline.yml": "unknown key 'nodes'",
}
"""Files with a mistake, or a prompt flow, and what we say."""
OTHERWISE = {
    "pipeline_with_train_eval_pipeline_component/pipeline.yml": "pipeline components are printed as sent",
    "6c_r_iris/pipeline.yml": "its version is made of the build context, which is not there",
}
"""Files whose print differs."""

pytestmark = pytest.mark.skipif(not GOLDEN, reason="the reference data (../shared) is not on this machine")


def meaning(value: Any) -> Any:
    """A body without what says nothing: members without a value, the spelling of texts that are YAML."""
    if isinstance(value, dict):
        members = {name: meaning(member) for name, member in value.items() if name not in OF_A_CLIENT}
        for group, defaults in DEFAULTS.items():
            kept = [item for item in (members.get(group) or {}).items() if item not in defaults.items()]
            members |= {group: dict(kept)} if group in members else {}
        return {name: member for name, member in members.items() if member not in (None, {}, [])}
    if isinstance(value, list):
        return [meaning(member) for member in value]
    if isinstance(value, str) and "\n" in value and "azureml_anonymous" in value:
        return meaning(yaml.safe_load(value))
    if isinstance(value, str):
        text = value.replace(str(API / "yaml"), "$ROOT")
        if match := re.fullmatch(r"PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?", text):
            hours, minutes, seconds = (int(part or 0) for part in match.groups())
            return f"PT{hours * 3600 + minutes * 60 + seconds}S"
        return text
    return value


def body_of(path: str) -> Any:
    out = io.StringIO()
    file = str(API / "yaml" / path)
    validate(Namespace(file=file, body=True, api_version=None, set=None, command="validate"), out)
    return json.loads(out.getvalue())


@pytest.mark.parametrize("name", GOLDEN)
def test_a_file_makes_the_request_that_azure_ai_ml_makes(name: str) -> None:
    golden = GOLDEN[name]
    end = "/".join(Path(golden["yaml"]).parts[-2:])
    if end in REFUSED:
        with pytest.raises(InvalidSpecError, match=REFUSED[end]):
            body_of(golden["yaml"])
        return
    same = meaning(body_of(golden["yaml"])) == meaning(golden["rest"])
    assert same != (end in OTHERWISE), "it differs, or no longer does"
    if same:
        count(f"requests of {golden['kind']} files that azure-ai-ml's equal")


def test_the_goldens_are_there() -> None:
    kinds = [golden["kind"] for golden in GOLDEN.values()]
    assert {kind: kinds.count(kind) for kind in KINDS} == {
        "pipelineJob": 53,
        "commandcomponent": 47,
        "sparkcomponent": 2,
        "pipelinecomponent": 3,
        "autoMLJob": 14,
        "model": 2,
    }
