"""What the fixture shows of a workspace, from an emulator that is asked by hand."""

from __future__ import annotations

from airflow_provider_amlrest.emulator.testing import EmulatedWorkspace, EmulatorProcess
from tests.emulator.online import make_endpoint, score
from tests.emulator.pipelines import component, node, pipeline_job
from tests.emulator.running import Running, sweep_job


class Attached(EmulatorProcess):
    """The process of an emulator that somebody else has started."""

    def __init__(self, running: Running) -> None:
        self._running = running

    def admin(self, method: str, path: str, body: object = None) -> object:
        return self._running.admin(method, path, body).json()


def test_trials_and_steps(tuned: Running) -> None:
    tuned.admin("PATCH", "settings", {"job_seconds": 0})
    workspace = EmulatedWorkspace(Attached(tuned), lambda name, value: None)
    only = node(component(tuned, "only"))
    swept = component(tuned, "swept", "echo ${{inputs.n}}", {"n": "integer"})
    sweep = {
        "type": "sweep",
        "trial": {"componentId": swept},
        "objective": {"goal": "minimize", "primary_metric": "loss"},
        "sampling_algorithm": "grid",
        "search_space": {"n": {"type": "choice", "values": [1, 2]}},
    }
    tuned.put("jobs/shown-pipeline", pipeline_job(tuned, {"first": only, "second": sweep}))
    tuned.wait_for("shown-pipeline", "Completed")
    [pipeline] = workspace.jobs("shown-pipeline")
    assert (pipeline.type, pipeline.node) == ("Pipeline", None)
    steps = workspace.steps("shown-pipeline")
    assert [(step.node, step.type, step.parent) for step in steps] == [
        ("first", "Command", "shown-pipeline"),
        ("second", "Sweep", "shown-pipeline"),
    ]
    assert [trial.parent for trial in workspace.trials("shown-pipeline")] == [steps[1].name] * 2
    tuned.put("jobs/shown-sweep", sweep_job(tuned))
    tuned.wait_for("shown-sweep", "Completed")
    assert len(workspace.trials("shown-sweep")) == 3
    assert workspace.steps("shown-sweep") == []


def test_computes(tuned: Running) -> None:
    tuned.admin("DELETE", "state")
    tuned.admin("PATCH", "settings", {"compute_seconds": 0})
    workspace = EmulatedWorkspace(Attached(tuned), lambda name, value: None)
    properties = {"computeType": "ComputeInstance", "properties": {"vmSize": "Standard_DS3_v2"}}
    made = {"properties": properties, "tags": {"a": "1"}}
    assert tuned.ml("PUT", "computes/shown", made).status_code == 201
    tuned.ml("POST", "computes/shown/stop")
    *clusters, instance = workspace.computes()
    assert [(cluster.name, cluster.state) for cluster in clusters] == [
        ("cpu-cluster", "Succeeded"),
        ("gpu-cluster", "Succeeded"),
    ]
    assert (instance.name, instance.type, instance.state) == ("shown", "ComputeInstance", "Stopped")
    assert (instance.tags, instance.properties["vmSize"]) == ({"a": "1"}, "Standard_DS3_v2")
    tuned.ml("DELETE", "computes/shown", underlyingResourceAction="Delete")
    assert [compute.name for compute in workspace.computes()] == ["cpu-cluster", "gpu-cluster"]


def test_deployments_and_how_they_serve(quick: Running) -> None:
    workspace = EmulatedWorkspace(Attached(quick), lambda name, value: None)
    workspace.provisioning("green", answer={"score": 0.5}, answer_status=500)
    make_endpoint(quick, "shown-shop", "blue", "green", traffic={"blue": 100}, mirrorTraffic={"green": 50})
    for _ in range(2):
        assert score(quick, "shown-shop").status_code == 200
    assert score(quick, "shown-shop", azureml_model_deployment="green").status_code == 424
    blue, green = workspace.deployments()
    assert (blue.endpoint, blue.name, blue.state) == ("shown-shop", "blue", "Succeeded")
    assert (blue.traffic, blue.mirror_traffic, green.mirror_traffic) == (100, 0, 50)
    assert (blue.requests, blue.failed) == (2, 0)
    assert green.failed == green.requests >= 1
    assert blue.properties["instanceType"] == "Standard_DS3_v2"
