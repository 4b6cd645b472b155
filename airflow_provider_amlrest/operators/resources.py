"""What operators that bring a resource to a state share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import conf

from airflow_provider_amlrest.lifecycle.bringing import Bringing, ResourceError, ResourceTimeoutError, Step
from airflow_provider_amlrest.lifecycle.completion import ERROR, TIMEOUT, Event, Wait, check_event, wait
from airflow_provider_amlrest.operators.base import (
    AzureMLOperator,
    fail_without_retries,
    started_at,
)
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.reading.fields import text
from airflow_provider_amlrest.rest.reading.values import boolean, optional_seconds, required_seconds
from airflow_provider_amlrest.rest.versions.words import properties_of

if TYPE_CHECKING:
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.resources.goal import Goal
    from airflow_provider_amlrest.rest.resources.resource import Resource


def serving(endpoint: Resource) -> dict[str, Any]:
    """What a task says of an endpoint."""
    properties = properties_of(endpoint.wire)
    return {"endpoint_name": endpoint.name.rpartition("/")[2], "scoring_uri": properties.get("scoringUri")}


class AzureMLResourceOperator(AzureMLOperator):
    """What all operators share that bring resources to a state; see :class:`AzureMLCreateComputeOperator`.

    They look first: what is as it is wanted is left alone, an operation that is under way is followed. So a
    retry finds what an earlier try has begun.
    """

    template_fields = (
        *AzureMLOperator.template_fields,
        "wait_for_completion",
        "deferrable",
        "poll_interval",
        "timeout",
    )

    def __init__(
        self,
        *,
        wait_for_completion: bool | str = True,
        deferrable: bool | str = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | str = 15.0,
        timeout: float | timedelta | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self._what = "resource"
        self._killed = False
        self._stays = False
        self._is_early = False
        self._resolved: dict[str, str] = {}

    def execute(self, context: Context) -> dict[str, Any]:
        """Bring the resource to its state."""
        return self._bring(context, [], None)

    def execute_complete(
        self,
        context: Context,
        event: Event,
        done: list[str] | None = None,
        sent: str | None = None,
        is_early: bool = False,
        resolved: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Go on where the trigger has come to an end of the wait.

        :param done: what was done to the resources that are as they were wanted.
        :param sent: what was done to the next one.
        :param is_early: whether that was sent while another operation was under way.
        :param resolved: what references mean: the latest version may be another one by now.
        """
        self._is_early, self._resolved = is_early, resolved or {}
        self.keep_links()
        return self._bring(context, done or [], sent, check_event(event))

    def on_kill(self) -> None:
        """Say that the operation goes on: there is no request that takes it back."""
        self._killed = True
        self.log.warning("What was begun on %s goes on; Azure ML has no request that ends it.", self._what)

    @abstractmethod
    def _goals(self, client: AzureMLClient, context: Context) -> Sequence[Callable[[], Goal]]:
        """What is wanted, one after the other, checked before anything is sent. Raises InvalidSpecError."""

    def _result(
        self, client: AzureMLClient, goal: Goal, now: Resource, done: Sequence[str]
    ) -> Mapping[str, Any]:
        """What the task says in the end, beside id, name, status and outcome of the last resource.

        :param done: what was done to each.
        """
        return {}

    def _failed(self, client: AzureMLClient, goal: Goal, error: ResourceError) -> ResourceError:
        """What to raise for a resource that is not what it was to be."""
        return error

    def _bring(
        self, context: Context, done: list[str], sent: str | None, event: Event | None = None
    ) -> dict[str, Any]:
        with fail_without_retries():
            seconds = optional_seconds("timeout", self.timeout)
            required_seconds("poll_interval", self.poll_interval)
            boolean("deferrable", self.deferrable)
            waits = boolean("wait_for_completion", self.wait_for_completion)
            deadline = None if seconds is None else started_at(context) + seconds
            with self.hook.client() as client, client.until(deadline):
                goals = self._goals(client, context)
                for make in goals[len(done) :]:
                    goal = make()
                    self._what = goal.what
                    self._check(event)
                    # What comes next needs what comes before to be there.
                    ends = waits or len(done) + 1 < len(goals)
                    bringing = Bringing(client, goal, sent, self._is_early)
                    now, outcome = self._reach(client, bringing, done, deadline, ends)
                    self.log.info("%s is %s (%s).", goal.what, now.status, outcome)
                    sent, event, done = None, None, [*done, outcome]
                    self._is_early = False
                if not goals:
                    return {}
                known = {"id": now.id, "name": now.name.rpartition("/")[2], "status": now.status}
                return {**known, "outcome": outcome, **self._result(client, goal, now, done)}

    def _reach(
        self, client: AzureMLClient, bringing: Bringing, done: list[str], deadline: float | None, waits: bool
    ) -> tuple[Resource, str]:
        """Bring one resource to its state.

        :param waits: for the end of what is sent. What is in its way is waited for in any case.
        """
        try:
            self._check_killed()
            step = bringing.next(deadline, lambda: self._killed)
            while not step.is_over and (waits or bringing.sent is None):
                bringing.why = self._wait(client, bringing, step, done, deadline)
                self._check_killed()
                step = bringing.next(deadline, lambda: self._killed)
        except ResourceError as error:
            raise self._failed(client, bringing.goal, error) from None
        now = step.now if step.is_over else client.get_resource(bringing.goal.path)
        return now, bringing.outcome

    def _wait(
        self, client: AzureMLClient, bringing: Bringing, step: Step, done: list[str], deadline: float | None
    ) -> str:
        """Wait until nothing is under way; why it has failed, if that was said."""
        now, self._is_early = step.now, bringing.is_early
        if self._defers:
            self._defer(now.name, bringing.goal.what, done, bringing.sent, deadline)
        # After a change, what was before is no news.
        waiting = Wait(now.name, now.status if now.is_active else "", deadline, resource=bringing.goal.what)
        interval = required_seconds("poll_interval", self.poll_interval)
        self._check(wait(client, waiting, interval, step.operation))
        return waiting.job.error if waiting.job is not None else ""

    @property
    def _way_back(self) -> dict[str, Any] | None:
        """What a trigger undoes if somebody ends the task; None: nothing can be undone."""
        return None

    @property
    def _defers(self) -> bool:
        return boolean("deferrable", self.deferrable) and not self._stays

    def _defer(
        self,
        path: str,
        what: str,
        done: list[str],
        sent: str | None,
        deadline: float | None,
        not_before: float | None = None,
    ) -> NoReturn:
        from airflow_provider_amlrest.triggers import AzureMLResourceTrigger

        self.defer(
            trigger=AzureMLResourceTrigger(
                path=path,
                what=what,
                azureml_conn_id=self.azureml_conn_id,
                api_version=text("api_version", self.api_version),
                poll_interval=required_seconds("poll_interval", self.poll_interval),
                deadline=deadline,
                not_before=not_before,
                way_back=self._way_back,
            ),
            method_name="execute_complete",
            kwargs={"done": done, "sent": sent, "is_early": self._is_early, "resolved": self._resolved},
        )
        raise AssertionError("defer() raises")

    def _check_killed(self) -> None:
        """Raises AzureMLError if the task was told to end: Airflow 3 lets it go on for some seconds more."""
        if self._killed:
            raise AzureMLError(f"The task was ended; nothing more is sent about {self._what}.")

    def _check(self, event: Event | None) -> None:
        """Raises what the end of a wait means, if it is not the end that was waited for."""
        if event is not None and event["status"] == TIMEOUT:
            raise ResourceTimeoutError(
                f"{self._what} was not as wanted in time. What was begun goes on; the next try follows it."
            )
        if event is not None and event["status"] == ERROR:
            raise AzureMLError(f"{self._what} can no longer be watched. {event['message']}")
