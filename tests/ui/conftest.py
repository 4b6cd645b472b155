"""Airflow with its pages in a real browser. Pictures of what was seen are kept in build/screenshots."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest

from tests.support.waiting import wait_for
from tests.ui.stage import PASSWORD, Stage

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Frame, Page

# The other environments look for tests here as well; make test-ui's always has it.
collect_ignore = [] if find_spec("playwright") else ["test_pages.py"]
if not find_spec("airflow.api_fastapi"):
    # Airflow 2.11 has no pages.
    collect_ignore += ["test_endpoints.py", "test_forged.py"]

SHOTS = Path("build/screenshots")
SIZE = (1300, 1000)
ENDING = ("training", "failing", "sweeping", "pipeline", "gated", "mixed")


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as exits:
        yield Stage(tmp_path_factory.mktemp("ui"), exits)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; Playwright's own would have to be fetched from elsewhere."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "Chromium is missing. On Debian: apt-get install chromium"
    with sync_playwright() as playwright:
        # As root, as in a container, Chromium has no sandbox.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """A user's browser window. What its pages complain of is collected."""

    def __init__(self, page: Page, stage: Stage) -> None:
        self.page = page
        self.url = stage.airflow.url
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))

    def log_in(self, role: str) -> None:
        self.page.goto(f"{self.url}/auth/login?next={self.url}/")
        self.page.fill("input[name=username]", role)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click("button[type=submit]")
        self.page.get_by_text("Welcome").first.wait_for()

    def task(self, dag_id: str, run_id: str, task_id: str = "train") -> Frame:
        """The page of a task's job, inside of Airflow's."""
        return self._open(f"dags/{dag_id}/runs/{quote(run_id)}/tasks/{task_id}/plugin/azureml-job", "task")

    def run(self, dag_id: str, run_id: str) -> Frame:
        return self._open(f"dags/{dag_id}/runs/{quote(run_id)}/plugin/azureml-jobs", "run")

    def recent(self) -> Frame:
        return self._open("plugin/azureml", "recent")

    def _open(self, path: str, kind: str) -> Frame:
        self.page.goto(f"{self.url}/{path}")
        frame = self.page.locator(f"iframe[src*='azureml/{kind}']").element_handle().content_frame()
        assert frame is not None
        frame.locator("main[aria-busy=false]").wait_for()
        return frame

    def alone(self, kind: str, **query: str) -> None:
        """Open a page outside of Airflow's frame."""
        self.page.goto(f"{self.url}/azureml/{kind}?{urlencode(query)}")
        self.page.locator("main[aria-busy=false]").wait_for()

    def theme(self, name: str) -> None:
        self.page.evaluate(f"localStorage.setItem('theme', '{name}')")
        self.page.reload()

    def shot(self, name: str) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")


@pytest.fixture
def visit(browser: Browser, stage: Stage) -> Iterator[Callable[..., Visit]]:
    """Log in as a user with this role."""
    contexts: list[Any] = []
    visits: list[Visit] = []

    def enter(role: str = "admin", size: tuple[int, int] = SIZE) -> Visit:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]})
        contexts.append(context)
        context.set_default_timeout(30_000)
        visit = Visit(context.new_page(), stage)
        visit.log_in(role)
        visits.append(visit)
        return visit

    yield enter
    for context in contexts:
        context.close()
    assert [complaint for visit in visits for complaint in visit.complaints] == []


@pytest.fixture(scope="session")
def ended(stage: Stage) -> dict[str, str]:
    """A run of each DAG whose jobs end, and one of serving, whose rollout pauses: DAG id to run id."""
    failing = {"job": "evaluate", "outcome": "failed", "error": "KeyError: no labels.", "log_lines": 5}
    stage.emulated.admin("POST", "scripts", failing)
    runs = {dag_id: stage.airflow.api.trigger(dag_id) for dag_id in ENDING}
    serving = stage.airflow.api.trigger("serving")
    for dag_id, run_id in runs.items():
        wait_for(lambda: stage.airflow.api.run_state(dag_id, run_id) in ("success", "failed"))  # noqa: B023
    wait_for(lambda: stage.endpoint("iris-shop")["traffic"] == {"blue": 90, "green": 10})
    paused = {"ask": "success", "rollout": "deferred"}
    wait_for(lambda: stage.states("serving", serving).items() >= paused.items())
    return {**runs, "serving": serving}
