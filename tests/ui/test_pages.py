"""What a person sees of jobs inside of Airflow."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from airflow_provider_amlrest.lifecycle.gate import COMPARISON_KEY
from airflow_provider_amlrest.rest.resources.endpoints import own_properties, writable
from airflow_provider_amlrest.rest.resources.goal import Change
from tests.support.endpoints import make_deployment
from tests.support.waiting import wait_for
from tests.ui.stage import Stage
from tests.ui.test_forged import query, record

if TYPE_CHECKING:
    from playwright.sync_api import Frame

    from tests.ui.conftest import Visit

pytestmark = pytest.mark.ui

Enter = Callable[..., "Visit"]
PHONE = (390, 844)


def badge(frame: Frame) -> str:
    return frame.locator("h1 .badge").inner_text()


def lines(frame: Frame) -> int:
    return frame.locator("pre.log").inner_text().count("line ")


def drawn(frame: Frame) -> int:
    """How often charts were drawn so far."""
    return sum(
        int(mark)
        for mark in frame.locator("[data-drawn]").evaluate_all("all => all.map(one => one.dataset.drawn)")
    )


def test_a_training_from_the_button_to_its_metrics(stage: Stage, visit: Enter) -> None:
    """Nothing is loaded anew meanwhile."""
    seen = visit()
    stage.airflow.api.unpause("training")
    before = stage.run_ids("training")
    seen.page.goto(f"{seen.url}/dags/training")
    seen.page.get_by_role("button", name="Trigger").first.click()
    seen.page.get_by_role("dialog").get_by_role("button", name="Trigger").click()
    [run_id] = wait_for(lambda: stage.run_ids("training") - before)
    wait_for(lambda: stage.job_of(run_id))
    frame = seen.task("training", run_id)
    seen.page.evaluate("window.stays = true")
    statuses, logged, charts = [], [], []
    while not statuses or statuses[-1] != "Completed":
        frame.page.wait_for_timeout(500)
        statuses.append(badge(frame))
        logged.append(lines(frame) if frame.locator("pre.log").is_visible() else 0)
        charts.append(drawn(frame))
    expect(frame.locator("figure.chart")).to_have_count(2)
    expect(frame.locator("figure", has_text="auc")).to_contain_text("last 0.93", timeout=40_000)
    seen_in_order = list(dict.fromkeys(statuses))
    assert seen_in_order == [one for one in ("Starting", "Queued", "Running", "Completed") if one in statuses]
    assert {"Running", "Completed"} <= set(statuses)
    wait_for(lambda: lines(frame) == 60)
    assert 0 in logged, "the page was open before the first line"
    assert any(0 < count < 60 for count in logged), "the log has grown"
    assert 0 in charts
    assert drawn(frame) > 3, "the charts have grown"
    assert seen.page.evaluate("window.stays")
    phases = frame.locator(".phases li").all_inner_texts()
    assert [phase.split("\n")[0] for phase in phases][-1] == "Running"
    seen.shot("training-completed")
    assert {host.split(":")[0] for host in seen.hosts} == {"127.0.0.1"}


def test_a_gate_and_the_models_that_it_has_compared(
    stage: Stage, ended: dict[str, str], visit: Enter
) -> None:
    seen = visit()
    frame = seen.task("gated", ended["gated"], "gate")
    assert badge(frame) == "not accepted"
    expect(frame.locator("main")).to_contain_text("recall: 0.5 is less than 0.8")
    rows = frame.locator("tbody tr")
    assert [row.split("\t") for row in rows.all_inner_texts()] == [
        ["auc", "0.93", "-", "-", "passed"],
        ["recall", "0.5", "-", "-", "failed"],
    ]
    heads = frame.locator("thead th")
    assert heads.all_inner_texts()[1:3] == ["Candidate\nmetrics given", "Champion\nnone"]
    metrics = [
        {"name": "auc", "candidate": 0.93, "champion": 0.91, "difference": 0.93 - 0.91, "passed": True},
        {"name": "loss", "candidate": 0.2, "champion": 0.3, "difference": 0.2 - 0.3, "passed": True},
    ]
    models = {role: {"model": f"iris:{number}"} for role, number in (("candidate", 6), ("champion", 5))}
    told = {"accepted": True, "reason": "auc: better", **models, "metrics": metrics}
    record(stage, query("gated", ended["gated"], "gate"), told, key=COMPARISON_KEY)
    frame = seen.task("gated", ended["gated"], "gate")
    assert [row.split("\t") for row in frame.locator("tbody tr").all_inner_texts()] == [
        ["auc", "0.93", "0.91", "+0.02", "passed"],
        ["loss", "0.2", "0.3", "-0.1", "passed"],
    ]
    assert frame.locator("thead th").all_inner_texts()[1:3] == ["Candidate\niris:6", "Champion\niris:5"]
    seen.shot("gate")


def test_a_sweep_and_its_best_trial(ended: dict[str, str], visit: Enter) -> None:
    seen = visit()
    frame = seen.task("sweeping", ended["sweeping"], "sweep")
    rows = frame.locator("tbody tr")
    expect(rows).to_have_count(12)
    frame.get_by_role("button", name="auc").click()
    expect(frame.locator("th[aria-sort=descending]")).to_contain_text("auc")
    cells = [row.split("\t") for row in rows.all_inner_texts()]
    values = [float(row[2]) for row in cells]
    assert values == sorted(values, reverse=True)
    [best] = frame.locator("tr.best").all_inner_texts()
    assert best.split("\t")[2] == cells[0][2]
    # The metric over trials, by each of three parameters, and parallel coordinates.
    expect(frame.locator("[data-drawn]")).to_have_count(5)
    seen.shot("sweep")
    frame.get_by_role("img", name="Parameters and metric of each trial").scroll_into_view_if_needed()
    seen.shot("sweep-charts")
    frame.get_by_role("button", name="auc").press("Enter")
    expect(frame.locator("th[aria-sort=ascending]")).to_contain_text("auc")


def test_a_pipeline_its_graph_and_its_steps(stage: Stage, ended: dict[str, str], visit: Enter) -> None:
    again = stage.airflow.api.trigger("pipeline")
    seen = visit()
    frame = seen.task("pipeline", ended["pipeline"], "retrain")
    boxes = frame.locator(".box")
    expect(boxes).to_have_count(7)
    expect(frame.locator(".plane path")).to_have_count(7)
    expect(frame.locator("tbody tr").first).to_contain_text("evaluate")
    frame.locator("p.failed a").click()
    expect(frame.locator("h1")).to_contain_text("evaluate Failed")
    expect(frame.get_by_role("alert")).to_contain_text("KeyError: no labels.")
    expect(frame.locator("pre.log")).to_contain_text("line 5 of 5")
    frame.get_by_role("link", name="Retrain the model").click()
    boxes.filter(has_text="publish").click()
    expect(boxes).to_have_count(2)
    expect(boxes.nth(1)).to_contain_text("push")
    frame.get_by_role("link", name="Retrain the model").click()
    boxes.filter(has_text="tune").click()
    expect(frame.get_by_text("3 trials: 3 Completed. The best is")).to_be_visible()
    frame.locator("tbody a").first.click()
    expect(frame.locator(".way a")).to_have_text(["Retrain the model", "tune"])
    expect(frame.locator("pre.log")).to_contain_text("line 3 of 3")
    frame = seen.run("pipeline", ended["pipeline"])
    expect(frame.locator("tbody tr")).to_contain_text("5 of 7 steps done; failed: evaluate")
    # What the first run has done, the second one reuses.
    wait_for(lambda: stage.airflow.api.run_state("pipeline", again) == "failed")
    frame = seen.task("pipeline", again, "retrain")
    expect(frame.locator(".box").first).to_have_text("prepareCompleted · reused")
    expect(frame.get_by_text("of them reused from earlier runs")).to_be_visible()
    seen.shot("pipeline")


def test_an_endpoint_and_the_rollout_that_is_under_way(
    stage: Stage, ended: dict[str, str], visit: Enter
) -> None:
    seen = visit()
    frame = seen.task("serving", ended["serving"], "rollout")
    expect(frame.locator("h1")).to_have_text("iris-shop Succeeded")
    expect(frame.locator(".notice:visible")).to_have_text(
        "A rollout is under way, by this task. Before it, the traffic was blue 100 %."
    )
    expect(frame.locator(".legend li")).to_have_text(["blue 90 %", "green 10 %"])
    widths = frame.locator(".traffic i").evaluate_all("all => all.map(one => one.offsetWidth)")
    assert 8 < widths[0] / widths[1] < 10
    expect(frame.locator("h2", has_text="Last smoke test")).to_contain_text("Passed")
    expect(frame.get_by_text("green has answered 2 requests as it should")).to_be_visible()
    rows = [row.split("\t") for row in frame.locator("tbody tr").all_inner_texts()]
    common = ["", "petals:1", "Standard_DS3_v2", "2"]
    assert rows == [["blue", "Succeeded", "90 %", *common], ["green", "Succeeded", "10 %", *common]]
    frame.get_by_role("button", name="Traffic").press("Enter")
    expect(frame.locator("th[aria-sort=descending]")).to_contain_text("Traffic")
    assert "/endpoints/realtime/iris-shop/detail" in str(
        frame.get_by_role("link", name="Azure ML Studio").get_attribute("href")
    )
    seen.shot("endpoint")

    def colours() -> list[str | None]:
        return [one.get_attribute("class") for one in frame.locator(".traffic:not(.copy) i").all()]

    # What happens meanwhile is seen without a reload, in the same colours.
    before_it = colours()
    with stage.client() as client:
        path = "onlineEndpoints/iris-shop"
        before = client.get_resource(path)
        copied = writable(before, traffic={"blue": 90, "green": 10}, properties=own_properties(before))
        make_deployment(client, "iris-shop", "amber")
        copied["properties"]["mirrorTraffic"] = {"amber": 20}
        client.change_resource(Change("PUT", path, copied))
        expect(frame.locator(".legend li")).to_have_text(
            ["blue 90 %", "green 10 %", "amber a copy of 20 % (mirrored)"], timeout=40_000
        )
        assert colours() == before_it
        seen.shot("endpoint-mirrored")


def test_a_smoke_test_that_failed_is_on_the_first_screen(ended: dict[str, str], visit: Enter) -> None:
    seen = visit(size=(1024, 700))
    frame = seen.task("serving", ended["serving"], "refused")
    error = frame.get_by_role("alert")
    expect(error).to_contain_text("request 1 of 2 to deployment green was answered 200 instead of 500")
    box = error.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 700
    expect(frame.get_by_role("heading", name="Last smoke test Failed", exact=True)).to_be_visible()
    expect(frame.get_by_text("A rollout is under way, by task serving.rollout in run")).to_be_visible()
    seen.shot("endpoint-refused")


def test_times_are_in_the_timezone_chosen_in_airflow(ended: dict[str, str], visit: Enter) -> None:
    seen = visit()
    times = []
    for zone in ("UTC", "Asia/Tokyo"):
        seen.page.evaluate("zone => localStorage.setItem('timezone', JSON.stringify(zone))", zone)
        seen.alone("task", dag_id="serving", run_id=ended["serving"], task_id="refused")
        text = seen.page.locator("h2:has-text('Last smoke test') + p").inner_text()
        times.append(datetime.strptime(text, "%Y-%m-%d %H:%M:%S"))  # noqa: DTZ007
    assert times[1] - times[0] == timedelta(hours=9)
    seen.page.evaluate("localStorage.setItem('timezone', 'odd')")
    seen.alone("task", dag_id="serving", run_id=ended["serving"], task_id="refused")
    expect(seen.page.locator("h2:has-text('Last smoke test') + p")).to_have_text(re.compile(r"\d:\d\d:\d\d"))


def test_the_arrow_keys_go_through_a_graph(ended: dict[str, str], visit: Enter) -> None:
    seen = visit()
    seen.alone("task", dag_id="pipeline", run_id=ended["pipeline"], task_id="retrain")
    entry = seen.page.locator(".box[tabindex='0']")
    # One stop of the Tab key, at what has failed.
    expect(entry).to_contain_text("evaluate")
    entry.focus()
    for key, name in (("ArrowLeft", "score"), ("ArrowLeft", "tune"), ("ArrowLeft", "features")):
        seen.page.keyboard.press(key)
        expect(entry).to_contain_text(name)
        expect(entry).to_be_focused()
    seen.page.keyboard.press("Enter")
    expect(seen.page.locator("h1")).to_contain_text("features")
    assert not serious_findings(seen)


def test_a_job_is_canceled_by_its_button(stage: Stage, visit: Enter) -> None:
    run_id = stage.airflow.api.trigger("endless")
    job = wait_for(lambda: stage.job_of(run_id))
    reader = visit("viewer").task("endless", run_id)
    assert not reader.get_by_role("button", name="Cancel job").is_visible()
    seen = visit("user")
    frame = seen.task("endless", run_id)
    button = frame.get_by_role("button", name="Cancel job")
    button.click()
    assert not stage.emulated.asked("POST", f"/jobs/{job.name}/cancel"), "it asks first"
    frame.get_by_role("button", name="Cancel it?").click()
    expect(frame.locator("h1 .badge")).to_have_text("Canceled", timeout=60_000)
    assert len(stage.emulated.asked("POST", f"/jobs/{job.name}/cancel")) == 1
    events = stage.get("eventLogs?dag_id=endless&event=azureml_cancel_job")["event_logs"]
    assert [event["owner"] for event in events] == ["user"]
    wait_for(lambda: stage.airflow.api.run_state("endless", run_id) == "failed")


def test_the_error_of_a_failed_job_is_on_the_first_screen(ended: dict[str, str], visit: Enter) -> None:
    seen = visit(size=(1024, 700))
    frame = seen.task("failing", ended["failing"])
    error = frame.get_by_role("alert")
    expect(error).to_contain_text("UserScriptError")
    expect(error).to_contain_text("The process was killed (SIGKILL)")
    expect(error).to_contain_text("VM size with more memory")
    expect(error).to_contain_text("User process 'train <b>y</b>' exited with status code 137.")
    expect(error.get_by_text("The end of the log")).to_be_visible()
    seen.shot("failed")
    # Cause, advice and message; the end of the log may go on below.
    box = error.locator("pre").first.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 700


def test_the_jobs_of_a_run(ended: dict[str, str], visit: Enter) -> None:
    seen = visit()
    frame = seen.run("mixed", ended["mixed"])
    rows = frame.locator("tbody tr")
    expect(rows).to_have_count(5)
    texts = rows.all_inner_texts()
    assert {text.split("\t")[0] for text in texts} == {
        "submit",
        "sense",
        "mapped [0]",
        "mapped [1]",
        "mapped [2]",
    }
    assert all("Completed" in text for text in texts)
    seen.shot("run")
    frame.get_by_role("link", name="mapped [1]").click()
    expect(frame.locator("h1")).to_contain_text("second")


def test_the_newest_jobs_and_a_history(ended: dict[str, str], visit: Enter) -> None:
    seen = visit()
    frame = seen.recent()
    assert frame.locator("tbody tr").count() >= 8
    frame.get_by_label("DAG").fill("training")
    frame.get_by_label("DAG").press("Enter")
    expect(frame.locator("tbody tr", has_text="sweeping")).to_have_count(0)
    frame.get_by_role("button", name="Show").first.click()
    expect(frame.get_by_role("heading", name="training.train: the last runs")).to_be_visible()
    expect(frame.locator("figure", has_text="auc")).to_contain_text("last 0.93")
    expect(frame.locator("[data-drawn]")).to_have_count(2)
    seen.shot("recent")
    frame.get_by_label("DAG").fill("no-such-dag")
    frame.get_by_label("DAG").press("Enter")
    expect(frame.get_by_role("status")).to_have_text("The DAGs that you may see have no such jobs.")


def test_a_task_that_is_not_ours(ended: dict[str, str], visit: Enter) -> None:
    frame = visit().task("mixed", ended["mixed"], "other")
    expect(frame.get_by_role("alert")).to_contain_text("This task has no Azure ML job")


@pytest.mark.parametrize(("status", "told"), [(503, "503"), (404, "its job or endpoint is gone")])
def test_a_workspace_that_does_not_answer_and_a_job_that_is_gone(
    stage: Stage, ended: dict[str, str], visit: Enter, status: int, told: str
) -> None:
    run_id = stage.airflow.api.trigger("training")
    job = wait_for(lambda: stage.job_of(run_id))
    seen = visit()
    with stage.emulated.fault(f"/jobs/{job.name}$", status=status, times=None):
        frame = seen.task("training", run_id)
        expect(frame.locator(".notice").first).to_contain_text(told, timeout=60_000)
        assert "Traceback" not in frame.locator("main").inner_text()
    expect(frame.locator("h1 .badge")).to_have_text("Completed", timeout=90_000)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_in_both_themes(ended: dict[str, str], visit: Enter, theme: str) -> None:
    seen = visit()
    seen.theme(theme)
    frame = seen.task("sweeping", ended["sweeping"], "sweep")
    assert frame.evaluate("document.documentElement.classList.contains('dark')") == (theme == "dark")
    seen.shot(f"sweep-{theme}")
    for kind, asked in pages(ended):
        seen.page.emulate_media(color_scheme=theme)
        seen.alone(kind, **asked)
        assert not serious_findings(seen), (kind, asked)


def pages(ended: dict[str, str]) -> list[tuple[str, dict[str, str]]]:
    """A page of each kind."""
    tasks = [
        *(("training", "train"), ("sweeping", "sweep"), ("pipeline", "retrain")),
        *(("failing", "train"), ("mixed", "other")),
        *(("gated", "gate"), ("serving", "rollout"), ("serving", "refused")),
    ]
    return [
        *(
            ("task", {"dag_id": dag_id, "run_id": ended[dag_id], "task_id": task_id})
            for dag_id, task_id in tasks
        ),
        ("run", {"dag_id": "mixed", "run_id": ended["mixed"]}),
        ("recent", {}),
    ]


def serious_findings(seen: Visit) -> list[tuple[str, list[str]]]:
    return [
        (one["id"], [node["html"] for node in one["nodes"]])
        for one in Axe().run(seen.page).response["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def test_it_fits_a_phone(ended: dict[str, str], visit: Enter) -> None:
    seen = visit(size=PHONE)
    for kind, asked in pages(ended):
        seen.alone(kind, **asked)
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0], (kind, asked)
    seen.shot("phone")


def test_a_keyboard_is_enough(ended: dict[str, str], visit: Enter) -> None:
    seen = visit()
    seen.alone("task", dag_id="sweeping", run_id=ended["sweeping"], task_id="sweep")
    seen.page.locator("tbody tr").first.wait_for()
    reached = []
    for _ in range(14):
        seen.page.keyboard.press("Tab")
        reached.append(seen.page.evaluate("document.activeElement.textContent"))
    assert reached[:3] == ["Copy name", "Copy ARM id", "Copy Studio link"]
    assert any(text.startswith("auc") for text in reached)
    seen.page.get_by_role("button", name="auc").press("Enter")
    expect(seen.page.locator("th[aria-sort=descending]")).to_contain_text("auc")
