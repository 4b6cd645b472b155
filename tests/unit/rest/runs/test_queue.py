"""Why a job waits, by its compute as it was recorded, and as it can be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_amlrest.rest.runs.queue import why_waiting
from airflow_provider_amlrest.rest.workspace.resources import Compute, Nodes, read_compute

CLUSTER = Compute(
    "gpu", "AmlCompute", "Succeeded", nodes=Nodes(most=2, current=0, running=0, idle=0, target=0)
)


def nodes(**counts: int) -> Compute:
    assert CLUSTER.nodes is not None
    return replace(CLUSTER, nodes=replace(CLUSTER.nodes, **counts))


@pytest.mark.parametrize(
    ("compute", "problem"),
    [
        (nodes(current=2, running=2, target=2), "Other jobs hold all 2 nodes of gpu."),
        (nodes(most=1, current=1, running=1), "Other jobs hold the only node of gpu."),
        (nodes(target=1), "gpu gets nodes: it has 0 of at most 2."),
        (nodes(current=1, idle=1), "gpu has 1 idle of 1 nodes."),
        (nodes(most=0), "gpu may have no nodes: max_instances is 0."),
        (replace(CLUSTER, state="Creating", nodes=None), "gpu is Creating."),
        (replace(CLUSTER, state="Failed"), "gpu could not be made: it is Failed."),
        (replace(CLUSTER, state="Deleting"), "gpu is being deleted."),
        (
            replace(CLUSTER, errors=("ClusterCoreQuotaReached: no cores are left",)),
            "gpu gets no nodes: ClusterCoreQuotaReached: no cores are left",
        ),
        (Compute("ci", "ComputeInstance", "Succeeded", power="Stopped"), "ci is Stopped."),
    ],
)
def test_of_a_state(compute: Compute, problem: str) -> None:
    found = why_waiting(compute)
    assert found is not None
    assert found.problem == problem
    assert found.advice
    assert found.is_full == problem.startswith("Other jobs")


@pytest.mark.parametrize(
    "compute",
    [
        Compute("ci", "ComputeInstance", "Succeeded", power="Running"),
        Compute("k8s", "Kubernetes", "Succeeded"),
    ],
)
def test_a_compute_that_does_not_tell(compute: Compute) -> None:
    assert why_waiting(compute) is None


def resource(**own: Any) -> dict[str, Any]:
    return {"name": "gpu", "properties": {"computeType": "AmlCompute", "properties": own}}


class TestRead:
    def test_nodes(self) -> None:
        """Recorded."""
        found = read_compute(
            resource(
                scaleSettings={"maxNodeCount": 6, "minNodeCount": 1},
                currentNodeCount=5,
                targetNodeCount=3,
                nodeStateCounts={"runningNodeCount": 2, "idleNodeCount": 1, "leavingNodeCount": 2},
            )
        )
        assert found.nodes == Nodes(most=6, current=5, running=2, idle=1, target=3)

    @pytest.mark.parametrize("own", [{}, {"nodeStateCounts": None, "scaleSettings": {"maxNodeCount": 1}}])
    def test_a_cluster_that_is_being_made_has_none(self, own: dict[str, Any]) -> None:
        assert read_compute(resource(**own)).nodes is None
        assert read_compute({"name": "x", "properties": None}).nodes is None

    @pytest.mark.parametrize(
        "own",
        [
            "text",
            {"nodeStateCounts": [1], "scaleSettings": {"maxNodeCount": "x"}},
            {"nodeStateCounts": {"idleNodeCount": "x"}, "scaleSettings": "x", "errors": "x"},
            {"errors": [1, None]},
        ],
    )
    def test_what_nobody_has_published_is_no_traceback(self, own: Any) -> None:
        """Each submission looks its compute up."""
        found = read_compute({"name": "gpu", "properties": {"properties": own}})
        assert (found.nodes, found.errors) == (None, ())

    def test_a_count_that_is_no_number_is_none(self) -> None:
        odd = {"nodeStateCounts": {"idleNodeCount": "x"}, "scaleSettings": {"maxNodeCount": "x"}}
        assert read_compute(resource(**odd)).nodes == Nodes(0, current=0, running=0, idle=0, target=0)

    @pytest.mark.parametrize(
        "error",
        [{"code": "Quota", "message": "no"}, {"error": {"code": "Quota", "message": "no"}}],
    )
    def test_errors(self, error: dict[str, Any]) -> None:
        assert read_compute(resource(errors=[error])).errors == ("Quota: no",)
