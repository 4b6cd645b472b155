"""The operator that gives deployments their requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_amlrest.lifecycle import patience
from airflow_provider_amlrest.lifecycle.bringing import UNCHANGED, Bringing
from airflow_provider_amlrest.links import AzureMLStudioLink
from airflow_provider_amlrest.operators.base import fail_without_retries
from airflow_provider_amlrest.operators.resources import AzureMLResourceOperator
from airflow_provider_amlrest.rest.http.errors import AzureMLError, InvalidSpecError
from airflow_provider_amlrest.rest.reading.values import boolean, number, optional_seconds

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.lifecycle.completion import Event
    from airflow_provider_amlrest.lifecycle.rollout import Rollout
    from airflow_provider_amlrest.lifecycle.smoke_test import SmokeTest
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.resources.endpoints import EndpointPlace
    from airflow_provider_amlrest.rest.resources.goal import Goal
    from airflow_provider_amlrest.rest.resources.resource import Resource
    from airflow_provider_amlrest.rest.resources.traffic import Shares, Traffic

PAUSED = "paused"
"""That the pause after a step is over, for the worker that resumes."""


class AzureMLShiftTrafficOperator(AzureMLResourceOperator):
    """Give the deployments of an online endpoint other shares of the requests, in steps, with the way back.

    Whoever is to get requests is tested first. After each step there is a pause and another test. If a test
    fails, the shares are again what they were before the first step, and the task fails without retries.

    :param endpoint_name: the endpoint.
    :param steps: shares in percent, one after the other: ``[{"green": 10}, {"green": 50}, {"green": 100}]``.
        What a step leaves goes to the other deployments as they had it before.
    :param pause: seconds between two steps.
    :param smoke_test: ``{"requests": [...], "expected_status": 200, "schema": {...}, "max_latency": 0.5}``:
        requests that each deployment with a share is sent, and what each answer must be: its status, the JSON
        schema that it fits, the seconds in which it comes.
    :param smoke_check: a function that is called with the list of a deployment's answers; it raises, or
        returns False (or anything else that is false, but None), for wrong ones.
    :param rollback: whether the way back is gone if a test fails. False: the shares stay as they are.
    :param take_over: whether an unfinished rollout of another task, and shares that somebody else has set
        during one, may be taken over; the way back leads to before the rollout.

    A retry or a clear in the middle goes on with the same rollout. If somebody ends the task, the shares are
    what they were before. If somebody else changes the shares meanwhile, the task fails and leaves them so.

    XCom: ``{"id", "name", "status", "outcome", "shares", "before", "unused", "tests"}``; ``unused``: the
    deployments that had requests before, and have none now; ``tests``: what the last ones have found,
    ``[{"deployment", "requests", "seconds"}]``. The other parameters: as
    :class:`AzureMLDeployOnlineEndpointOperator`; ``timeout`` is for each step.
    """

    template_fields = (
        *AzureMLResourceOperator.template_fields,
        *("endpoint_name", "steps", "pause", "smoke_test", "rollback", "take_over"),
    )
    template_fields_renderers = {"steps": "json", "smoke_test": "json"}  # noqa: RUF012
    text_fields = (*AzureMLResourceOperator.text_fields, "endpoint_name")
    operator_extra_links = (AzureMLStudioLink(),)

    def __init__(
        self,
        *,
        endpoint_name: str,
        steps: Sequence[Mapping[str, int]] | str,
        pause: float | str = 60.0,
        smoke_test: Mapping[str, Any] | str | None = None,
        smoke_check: Callable[[list[Any]], Any] | None = None,
        rollback: bool | str = True,
        take_over: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint_name = endpoint_name
        self.steps = steps
        self.pause = pause
        self.smoke_test = smoke_test
        self.smoke_check = smoke_check
        self.rollback = rollback
        self.take_over = take_over
        self._rollout: Rollout | None = None
        self._ti: Any = None

    def on_kill(self) -> None:
        """Go back to the shares of before, at once, if somebody has decided that the task ends."""
        if self._rollout is None:
            self._killed = True
            return
        from airflow_provider_amlrest.lifecycle.rollout import go_back, told_back
        from airflow_provider_amlrest.lifecycle.stopping import judge, leave_process
        from airflow_provider_amlrest.rest.http.drive import drive

        rollout, verdict = self._rollout, judge(self._ti, self.retries)
        if verdict is None:
            return
        self._killed = True
        if not verdict.ends:
            self.log.warning("This process was told to end; the rollout is left as it is: %s.", verdict.why)
            leave_process()
            return
        goal, deadline = rollout.back, time.time() + patience.CANCEL
        try:
            with self.hook.new_client() as client, client.until(deadline):
                drive(
                    go_back(goal, deadline),
                    lambda step: time.sleep(step) if isinstance(step, float) else client.bring(step),
                )
        except Exception as error:
            self.log.error("%s", told_back(goal, error))
        else:
            self.log.warning("%s", told_back(goal))

    @property
    def _way_back(self) -> dict[str, Any] | None:
        return None if self._rollout is None else self._rollout.way_back

    def _goals(self, client: AzureMLClient, context: Context) -> Sequence[Callable[[], Goal]]:
        """What each phase needs is known only when its turn comes: see :meth:`_bring`."""
        return ()

    def _bring(
        self, context: Context, done: list[str], sent: str | None, event: Event | None = None
    ) -> dict[str, Any]:
        from airflow_provider_amlrest.lifecycle.endpoint_record import publish_endpoint
        from airflow_provider_amlrest.lifecycle.rollout import author, plan
        from airflow_provider_amlrest.lifecycle.task_state import TaskKey

        self._ti = context["ti"]
        with fail_without_retries():
            place, steps, test, pause = self._read()
            self._what = place.what
            self._check(event)
            if event is None:
                publish_endpoint(self, self._ti, place.name)
            by = author(TaskKey.of(self._ti))
            with self.hook.client() as client:
                take_over = boolean("take_over", self.take_over)
                rollout = self._rollout = plan(client, place, steps, by, take_over=take_over)
                if done[:1] != [str(rollout.reached)]:
                    sent, done = None, []
                try:
                    tests = self._go_on(client, rollout, test, pause, sent, has_paused=PAUSED in done)
                except AzureMLError as error:
                    if patience.is_hopeless(error):
                        self._give_up(client, rollout, error)
                    raise
                self._stays = True
                now, outcome = self._shift(client, rollout, rollout.end)
            self._rollout = None
        if outcome != UNCHANGED:
            outcome = "shifted"  # the last change may be that of the note alone
        known = {"id": now.id, "name": place.name, "status": now.status, "outcome": outcome}
        shares, before = dict(rollout.steps[-1]), dict(rollout.before)
        unused = sorted(before.keys() - shares.keys())
        return {**known, "shares": shares, "before": before, "unused": unused, "tests": tests}

    def _read(self) -> tuple[EndpointPlace, tuple[dict[str, int], ...], SmokeTest | None, float]:
        from airflow_provider_amlrest.lifecycle.smoke_test import read_smoke_test
        from airflow_provider_amlrest.rest.resources.endpoints import read_endpoint_place
        from airflow_provider_amlrest.rest.resources.traffic import read_steps

        boolean("rollback", self.rollback)
        pause = float(number("pause", self.pause))
        if pause < 0:
            raise InvalidSpecError("pause", f"{pause:g} must be a number of seconds, or 0.")
        test = read_smoke_test(self.smoke_test, self.smoke_check)
        return read_endpoint_place(self.endpoint_name, "online"), read_steps(self.steps), test, pause

    def _go_on(
        self,
        client: AzureMLClient,
        rollout: Rollout,
        test: SmokeTest | None,
        pause: float,
        sent: str | None,
        *,
        has_paused: bool,
    ) -> list[dict[str, Any]]:
        """All phases that are left. Returns what the last test has found."""
        from airflow_provider_amlrest.lifecycle.rollout import Kind

        tests: list[dict[str, Any]] = []
        for phase in rollout.phases(has_paused=has_paused):
            if phase.kind is Kind.TEST:
                tests = self._test(client, rollout, test, phase.shares)
            elif phase.kind is Kind.PAUSE:
                self._pause(rollout, pause)
            else:
                self._shift(client, rollout, rollout.step(phase.shares), sent)
                sent, rollout = None, replace(rollout, reached=rollout.reached + 1)
        return tests

    def _shift(
        self, client: AzureMLClient, rollout: Rollout, goal: Traffic, sent: str | None = None
    ) -> tuple[Resource, str]:
        seconds = optional_seconds("timeout", self.timeout)
        deadline = None if seconds is None else time.time() + seconds
        with client.until(deadline):
            return self._reach(
                client, Bringing(client, goal, sent), [str(rollout.reached)], deadline, waits=True
            )

    def _pause(self, rollout: Rollout, seconds: float) -> None:
        self.log.info("The next step comes in %g s.", seconds)
        if self._defers:
            done = [str(rollout.reached), PAUSED]
            self._defer(rollout.place.path, rollout.place.what, done, None, None, time.time() + seconds)
        end = time.time() + seconds
        while not self._killed and (left := end - time.time()) > 0:
            time.sleep(min(left, 1.0))
        self._check_killed()

    def _test(
        self, client: AzureMLClient, rollout: Rollout, test: SmokeTest | None, shares: Shares
    ) -> list[dict[str, Any]]:
        if test is None:
            return []
        from airflow_provider_amlrest.lifecycle.endpoint_record import RecordedTest, publish_endpoint
        from airflow_provider_amlrest.lifecycle.smoke_test import SmokeTestError

        access = client.get_access(client.get_resource(rollout.place.path))
        results: list[dict[str, Any]] = []
        try:
            results.extend(test.run(client, access, deployment) for deployment in shares)
        except SmokeTestError as error:
            publish_endpoint(self, self._ti, rollout.place.name, RecordedTest.of(results, str(error)))
            self._give_up(client, rollout, error)
        publish_endpoint(self, self._ti, rollout.place.name, RecordedTest.of(results))
        for result in results:
            requests = "1 request" if result["requests"] == 1 else f"{result['requests']} requests"
            text = "Deployment %s has answered %s as it should, in %g s at most."
            self.log.info(text, result["deployment"], requests, result["seconds"])
        return results

    def _give_up(self, client: AzureMLClient, rollout: Rollout, error: AzureMLError) -> NoReturn:
        """Nobody goes on with the rollout: its way back, and the end of the task."""
        from airflow_provider_amlrest.lifecycle.rollout import told_back

        said = str(error)
        text = f"{rollout.place.what}: {said if said.endswith('.') else f'{said}.'}"
        if not boolean("rollback", self.rollback):
            raise AirflowFailException(f"{text} The shares stay as they are, as rollback says.") from None
        self.log.error("%s", text)
        self._stays = True
        try:
            self._shift(client, rollout, rollout.back)
        except AzureMLError as problem:
            if not patience.is_hopeless(problem):
                raise
            raise AirflowFailException(f"{text} {told_back(rollout.back, problem)}") from None
        self._rollout = None
        raise AirflowFailException(
            f"{text} The shares are again those of before: {dict(rollout.start)}."
        ) from None
