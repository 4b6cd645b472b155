"""Microsoft's YAML files of computes, endpoints and deployments, and what azure-ai-ml makes of them.

As in test_golden.py. What is defined in a file (``$INLINE``) has an id only when it is registered: the
golden's id stands for what we print in its place, a path or a name.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.schemas import API
from tests.contract.tally import count
from tests.contract.test_golden import body_of, meaning

KINDS = {
    "compute": 9,
    "onlineEndpoint": 7,
    "onlineDeployment": 15,
    "batchEndpoint": 6,
    "modelBatchDeployment": 7,
    "pipelineComponentBatchDeployment": 4,
}
GOLDEN = {
    path.stem: golden
    for path in sorted((API / "sdk-golden").glob("*.json"))
    if (golden := json.loads(path.read_text()))["kind"] in KINDS
}
AS_BY_DEFAULT = {
    "enableOSPatching": False,
    "enableRootAccess": True,
    "enableSSO": True,
    "releaseQuotaOnStop": False,
}
"""Switches of instances that azure-ai-ml sends in a preview; later versions do not know them all, so that we
send none that is as by default."""
OF_THE_WORKSPACE = ("location", "name")
"""Members that are not the file's: the golden's workspace is in westeurope."""

pytestmark = pytest.mark.skipif(not GOLDEN, reason="the reference data (../shared) is not on this machine")


def without_ids(golden: Any, ours: Any) -> Any:
    """A golden with what we print in place of ids that only the workspace gives."""
    if isinstance(golden, dict) and isinstance(ours, dict):
        return {name: without_ids(member, ours.get(name)) for name, member in golden.items()}
    if isinstance(golden, str) and isinstance(ours, str):
        is_unknown = golden.startswith("/subscriptions/0000") and "$INLINE" in golden
        if is_unknown or golden.endswith(f"/computes/{ours}"):
            return ours
    return golden


@pytest.mark.parametrize("name", GOLDEN)
def test_a_file_makes_the_body_that_azure_ai_ml_makes(name: str) -> None:
    golden = GOLDEN[name]
    ours, theirs = meaning(body_of(golden["yaml"])), meaning(golden["rest"])
    for member in OF_THE_WORKSPACE:
        ours.pop(member, None)
        theirs.pop(member, None)
    inner = theirs["properties"].get("properties")
    for switch, default in AS_BY_DEFAULT.items() if golden["kind"] == "compute" and inner else ():
        assert inner.pop(switch, default) is default
    for schedule in inner.get("schedules", {}).get("computeStartStop", ()) if inner else ():
        assert schedule["cron"].pop("triggerType") == schedule["triggerType"], "no definition has it twice"
    tags = {key: str(value) for key, value in theirs.pop("tags", {}).items()}
    assert ours.pop("tags", {}) == tags, "tags are text in every api-version; a number would be refused"
    component = theirs["properties"].get("deploymentConfiguration", {}).get("componentId", {})
    if "$INLINE" in str(component.get("assetId")):
        printed = ours["properties"]["deploymentConfiguration"]["componentId"]
        assert printed["assetId"]["display_name"] == "uci-heart-train"
        component["assetId"] = printed["assetId"]
    assert ours == without_ids(theirs, ours)
    count(f"requests of {golden['kind']} files that azure-ai-ml's equal")


@pytest.mark.parametrize("name", [name for name, golden in GOLDEN.items() if golden.get("inline")])
def test_what_is_defined_in_a_file_is_printed_where_its_id_will_be(name: str) -> None:
    golden = GOLDEN[name]
    properties = body_of(golden["yaml"])["properties"]
    inline = golden["inline"]
    if "code" in inline:
        assert properties["codeConfiguration"]["codeId"] == inline["code"]
    if "environment" in inline:
        assert properties["environmentId"].startswith("CliV2AnonymousEnvironment:")
    if "model" in inline:
        model = properties["model"]
        path = model["assetId"] if isinstance(model, dict) else model
        assert meaning(path).rstrip("/.") == inline["model"]["properties"]["modelUri"].rstrip("/.")


def test_the_goldens_are_there() -> None:
    kinds = [golden["kind"] for golden in GOLDEN.values()]
    assert {kind: kinds.count(kind) for kind in KINDS} == KINDS
