"""What Airflow itself shows of a task with a job: links and rendered templates. No browser is needed."""

from __future__ import annotations

import json

import pytest

from airflow_provider_amlrest.connection import FIELDS, HIDDEN_FIELDS, RELABELING
from tests.support.waiting import wait_for
from tests.ui.stage import Stage

pytestmark = pytest.mark.ui

STUDIO = "Azure ML Studio"


def test_while_a_task_is_deferred(stage: Stage) -> None:
    api = stage.airflow.api
    run_id = api.trigger("endless")
    wait_for(lambda: [task.state for task in api.task_instances("endless", run_id)] == ["deferred"])
    job = stage.job_of(run_id)
    assert f"/runs/{job.name}?" in str(api.links("endless", run_id, "train")[STUDIO])
    shown = wait_for(lambda: api.rendered("endless", run_id, "train")["request_body"])
    assert json.loads(shown)["properties"]["jobType"] == "Command"
    # A triggerer has begun to wait: before that, nobody would be told. The worker has gone by now.
    mark = stage.emulated.mark()
    wait_for(lambda: stage.emulated.asked("GET", f"/jobs/{job.name}$", since=mark))
    api.mark("endless", run_id, "train", "failed")
    wait_for(lambda: stage.emulated.asked("POST", f"/{job.name}/cancel"))


def test_after_it_has_resumed(stage: Stage, ended: dict[str, str]) -> None:
    api = stage.airflow.api
    shown = api.rendered("training", ended["training"], "train")
    assert (
        json.loads(shown["request_body"])["properties"]["command"]
        == "python train.py --rate ${{inputs.rate}}"
    )
    assert shown["inputs"] in ({"rate": 0.1}, "{'rate': 0.1}")
    # Also where the job failed.
    assert json.loads(api.rendered("failing", ended["failing"], "train")["request_body"])


def test_of_mapped_tasks_and_the_sensor(stage: Stage, ended: dict[str, str]) -> None:
    api = stage.airflow.api
    links = [api.links("mixed", ended["mixed"], "mapped", index)[STUDIO] for index in range(3)]
    assert len(set(links)) == 3
    assert all("/runs/mixed-mapped-" in str(link) for link in links)
    submitted = api.links("mixed", ended["mixed"], "submit")[STUDIO]
    assert api.links("mixed", ended["mixed"], "sense")[STUDIO] == submitted


def test_the_connection_form(stage: Stage) -> None:
    """What the form is made of: fields with labels and help, secrets hidden, what is of no use left out."""
    metas = stage.session("admin").get(f"{stage.airflow.url}/ui/connections/hook_meta", timeout=30).json()
    [meta] = [meta for meta in metas if meta["connection_type"] == "azureml"]
    assert meta["hook_name"] == "Azure Machine Learning"
    fields = meta["extra_fields"]
    assert set(fields) == {field.name for field in FIELDS}
    for field in FIELDS:
        shown = fields[field.name]["schema"]
        assert shown["title"] == field.label
        assert (shown.get("format") == "password") == field.secret, field.name
        assert fields[field.name]["description"] == field.description
    standard = meta["standard_fields"]
    assert standard["login"]["title"] == RELABELING["login"]
    assert all(standard[name]["hidden"] for name in HIDDEN_FIELDS if name in standard)
