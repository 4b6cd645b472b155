"""What operators that bring a resource to a state share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import conf

from airflow_provider_amlrest.lifecycle.bringing import Bringing, ResourceTimeoutError, Step
from airflow_provider_amlrest.lifecycle.completion import ERROR, TIMEOUT, Event, Wait, check_event, wait
from airflow_provider_amlrest.operators.base import (
    AzureMLOperator,
    fail_without_retries,
    started_at,
)
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.reading.fields import text
from airflow_provider_amlrest.rest.reading.values import boolean, optional_seconds, required_seconds

if TYPE_CHECKING:
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.resources.goal import Goal
    from airflow_provider_amlrest.rest.resources.resource import Resource


class AzureMLResourceOperator(AzureMLOperator):
    """What all operators share that bring a resource to a state; see :class:`AzureMLCreateComputeOperator`.

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

    def execute(self, context: Context) -> dict[str, Any]:
        """Bring the resource to its state."""
        return self._bring(context, None)

    def execute_complete(self, context: Context, event: Event, sent: str | None = None) -> dict[str, Any]:
        """Go on where the trigger has come to an end of the wait.

        :param sent: what the task had done before.
        """
        self.keep_links()
        return self._bring(context, sent, check_event(event))

    def on_kill(self) -> None:
        """Say that the operation goes on: there is no request that takes it back."""
        self._killed = True
        self.log.warning("What was begun on %s goes on; Azure ML has no request that ends it.", self._what)

    @abstractmethod
    def _goal(self, client: AzureMLClient, context: Context) -> Goal:
        """What is wanted. Raises InvalidSpecError."""

    def _result(self, client: AzureMLClient, now: Resource, context: Context) -> Mapping[str, Any]:
        """What the task says of the resource in the end, beside its id, name and status."""
        return {}

    def _bring(self, context: Context, sent: str | None, event: Event | None = None) -> dict[str, Any]:
        with fail_without_retries():
            seconds = optional_seconds("timeout", self.timeout)
            required_seconds("poll_interval", self.poll_interval)
            waits, defers = (
                boolean("wait_for_completion", self.wait_for_completion),
                boolean("deferrable", self.deferrable),
            )
            deadline = None if seconds is None else started_at(context) + seconds
            with self.hook.client() as client, client.until(deadline):
                goal = self._goal(client, context)
                self._what = goal.what
                self._check(event, goal.path)
                bringing = Bringing(client, goal, sent)
                step = bringing.next(deadline, lambda: self._killed)
                while waits and not step.is_over:
                    bringing.why = self._wait(client, bringing, step, deadline, defers=defers)
                    step = bringing.next(deadline, lambda: self._killed)
                now, outcome = step.now, bringing.outcome
                self.log.info("%s is %s (%s).", goal.what, now.status, outcome)
                name = goal.path.rpartition("/")[2]
                known = {"id": now.id, "name": name, "status": now.status, "outcome": outcome}
                return {**known, **self._result(client, now, context)}

    def _wait(
        self, client: AzureMLClient, bringing: Bringing, step: Step, deadline: float | None, *, defers: bool
    ) -> str:
        """Wait until nothing is under way; why it has failed, if that was said."""
        now, goal = step.now, bringing.goal
        if defers:
            self._defer(now.name, goal, bringing.sent, deadline)
        # After a change, what was before is no news.
        waiting = Wait(now.name, now.status if now.is_active else "", deadline, resource=goal.what)
        event = wait(client, waiting, float(self.poll_interval), step.operation)
        self._check(event, goal.path)
        return waiting.job.error if waiting.job is not None else ""

    def _defer(self, path: str, goal: Goal, sent: str | None, deadline: float | None) -> NoReturn:
        from airflow_provider_amlrest.triggers import AzureMLResourceTrigger

        self.defer(
            trigger=AzureMLResourceTrigger(
                path=path,
                what=goal.what,
                azureml_conn_id=self.azureml_conn_id,
                api_version=text("api_version", self.api_version),
                poll_interval=float(self.poll_interval),
                deadline=deadline,
            ),
            method_name="execute_complete",
            kwargs={"sent": sent},
        )
        raise AssertionError("defer() raises")

    def _check(self, event: Event | None, path: str) -> None:
        """Raises what the end of a wait means, if it is not the end that was waited for."""
        if event is None:
            return
        if event["status"] == TIMEOUT:
            raise ResourceTimeoutError(
                f"{self._what} was not as wanted in time. What was begun goes on; the next try follows it."
            )
        if event["status"] == ERROR:
            raise AzureMLError(f"{self._what} ({path}) can no longer be watched. {event['message']}")
