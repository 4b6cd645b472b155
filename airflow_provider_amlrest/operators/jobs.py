"""What operators that submit jobs share: once, whatever crashes; green only when the job completed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.providers.common.compat.sdk import conf

from airflow_provider_amlrest.lifecycle import masking, patience, request_body
from airflow_provider_amlrest.lifecycle.cancellation import JobCanceledByDecisionError, canceled_error
from airflow_provider_amlrest.lifecycle.completion import (
    ERROR,
    STALLED,
    TIMEOUT,
    Event,
    JobTimeoutError,
    Wait,
    check_event,
    last_moments,
    look_patiently,
    open_tail,
    show_rest,
    wait,
)
from airflow_provider_amlrest.lifecycle.failure import failure_text
from airflow_provider_amlrest.lifecycle.outages import retry_through_outage
from airflow_provider_amlrest.lifecycle.ownership import Owner, by_task, claim, told_by, told_end, why_left
from airflow_provider_amlrest.lifecycle.record import JOB_LINKS, publish, publish_failure, publish_result
from airflow_provider_amlrest.lifecycle.results import finish, summarize
from airflow_provider_amlrest.lifecycle.steps import count_of_steps
from airflow_provider_amlrest.lifecycle.stopping import judge, leave_process
from airflow_provider_amlrest.lifecycle.task_identity import airflow_tags, task_identity
from airflow_provider_amlrest.operators.arguments import WAIT, names, texts
from airflow_provider_amlrest.operators.base import (
    AzureMLOperator,
    dag_folder,
    fail_without_retries,
    started_at,
)
from airflow_provider_amlrest.rest.http.errors import AuthenticationError, AzureMLError
from airflow_provider_amlrest.rest.jobs import has_steps, kind_of
from airflow_provider_amlrest.rest.jobs.status import CANCEL_REQUESTED, CANCELED, PATIENCE, Outcome
from airflow_provider_amlrest.rest.reading.fields import text

if TYPE_CHECKING:
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.lifecycle.naming import TaskIdentity
    from airflow_provider_amlrest.operators.reading import WaitOptions
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job
    from airflow_provider_amlrest.rest.jobs.spec import JobSpec
    from airflow_provider_amlrest.rest.versions.spelling import Wire

_NOT_DONE = (Outcome.ACTIVE, Outcome.CANCELED)


def _was_asked_to_end(job: Job) -> bool:
    """Whether a job ends because a task has asked it to, such as this one's trigger."""
    told = told_by(job)
    return job.status in (CANCEL_REQUESTED, CANCELED) and told is not None and not told[0]


class AzureMLJobOperator(AzureMLOperator):
    """What all operators that submit jobs share; see :class:`AzureMLSubmitCommandJobOperator`."""

    job_type: ClassVar[str]
    """The kind of its jobs, as the wire spells it; one that reads them elsewhere has none."""
    each_output: ClassVar[bool | None] = None
    """Whether each output of its jobs is an XCom of its own; None: as ``multiple_outputs`` says."""
    operator_extra_links = JOB_LINKS
    template_fields = (*AzureMLOperator.template_fields, *names(WAIT))
    text_fields = (*AzureMLOperator.text_fields, *texts(WAIT))

    def __init__(
        self,
        *,
        job_name: str | None = None,
        wait_for_completion: bool | str = True,
        deferrable: bool | str = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | str = 30.0,
        timeout: float | timedelta | str | None = None,
        on_timeout: str = "cancel",
        cancel_on_kill: bool | str = True,
        resubmit_canceled: bool | str = False,
        get_logs: bool | str = True,
        require_metrics: Sequence[str] | str = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_name = job_name
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.on_timeout = on_timeout
        self.cancel_on_kill = cancel_on_kill
        self.resubmit_canceled = resubmit_canceled
        self.get_logs = get_logs
        self.require_metrics = require_metrics
        self.request_body: str | None = None
        self._options: WaitOptions
        self._rendered: list[Any]
        self._masked: list[str] | None = None
        self._ti: Any = None
        self._owner: Owner | None = None
        self._submitted_name: str | None = None
        self._killed = False

    def execute(self, context: Context) -> Any:
        """Submit the job, or find that of an earlier try; wait for its end unless told not to."""
        self._ti = context["ti"]
        self._owner = Owner.new(self._ti.try_number)
        with fail_without_retries():
            from airflow_provider_amlrest.operators.reading import read_wait_options

            options = self._options = read_wait_options(self)
            asked = self._read(context)
            self._rendered = self._what_is_rendered(context)
            deadline = self._deadline(context)
            with self.hook.client() as client:
                job = self._submit_in_time(client, asked, context, deadline)
                if self._killed:
                    self.on_kill()  # The first cancel may have come before the job.
                studio_url = publish(self, job, context)
                request_body.show_none(self, context)
                if not options.wait_for_completion:
                    return summarize(job, studio_url)
                result, value = self._await(client, job, deadline, {} if options.get_logs else None)
        publish_result(self, result, context, each_output=self.each_output)
        return value

    def execute_complete(
        self, context: Context, event: Event, owner: str | None = None, masked: list[str] | None = None
    ) -> Any:
        """Go on where the trigger has come to an end of the wait. The job's files may be gone by then.

        :param owner: the claim of the try that deferred; a task that an older version deferred has none.
        :param masked: what the try that deferred has masked in the request, likewise.
        """
        self._masked = masked
        self._ti = context["ti"]
        self._owner = Owner.parse(owner)
        with fail_without_retries():
            from airflow_provider_amlrest.operators.reading import read_wait_options

            self._options = read_wait_options(self)
            self._rendered = self._what_is_rendered(context)
            self._submitted_name = check_event(event)["job_name"]
            self.keep_links()
            request_body.show_again(self, context)
            with self.hook.client() as client:
                result, value = self._conclude(client, event)
        publish_result(self, result, context, each_output=self.each_output)
        return value

    def on_kill(self) -> None:
        """Ask for the job's end, once and shortly, if somebody has decided that the task ends.

        Airflow calls this in a signal handler, or after the ``execution_timeout``.
        """
        if self._ti is None:
            self._killed = True
            return
        verdict = judge(self._ti, self.retries)
        if verdict is None:
            return
        self._killed = True
        name = self._submitted_name or "(not submitted yet)"
        if not verdict.ends:
            self.log.warning("This process was told to end; job %s is left: %s.", name, verdict.why)
            leave_process()
        elif self._submitted_name is not None and self._options.cancel_on_kill:
            try:
                # The client in use may be in the middle of an answer.
                with self.hook.new_client() as client:
                    self._end(client, name, verdict.why, patience=patience.CANCEL)
            except Exception as error:
                self.log.error("Azure ML job %s could not be canceled and may go on: %s", name, error)

    @property
    def _chosen_name(self) -> Any:
        """A name of the user's own for the job."""
        return self.job_name

    def _what_is_rendered(self, context: Context) -> list[Any]:
        """All that templates have made, secrets among it. Who resumes has rendered it anew."""
        return [getattr(self, name) for name in self.template_fields]

    def _read(self, context: Context) -> JobSpec:
        """The job that is asked for, read without asking the service. Raises InvalidSpecError."""
        from airflow_provider_amlrest.operators.reading import OURS
        from airflow_provider_amlrest.rest.jobs.given import Given

        kind = kind_of(self.job_type)
        assert kind is not None, "an operator's kind is known here"  # noqa: S101
        given = {name: getattr(self, name) for name in self.template_fields}
        job: JobSpec = kind.read(Given(given, dag_folder(context), OURS))
        return job

    def _why_failed(self, client: AzureMLClient, job: Job) -> str:
        """Why a job of the task has failed, for the error."""
        return failure_text(client, job)

    def _value(self, client: AzureMLClient, job: Job, result: dict[str, Any]) -> Any:
        """What the task returns for a job that has completed with this result."""
        return result

    def _submit_in_time(
        self, client: AzureMLClient, asked: JobSpec, context: Context, deadline: float | None
    ) -> Job:
        """Submit the job, and try again until the deadline. What may exist by then is not left running."""
        try:
            with client.until(deadline):
                return retry_through_outage(
                    f"The job of {self.task_id} cannot be submitted",
                    lambda: self._submit(client, asked, context),
                    deadline,
                    lambda: self._killed,
                )
        except (*patience.TRANSIENT, AuthenticationError) as error:
            if self._submitted_name is None or deadline is None or time.time() < deadline:
                raise
            _, end = last_moments(deadline, late=True)
            unseen = f"It may have been submitted: {error}"
            raise self._too_late(client, self._submitted_name, end, unseen=unseen) from None

    def _submit(self, client: AzureMLClient, asked: JobSpec, context: Context) -> Job:
        from airflow_provider_amlrest.lifecycle.submission import Work, submit
        from airflow_provider_amlrest.operators.reading import read_job_name
        from airflow_provider_amlrest.rest.jobs.wire import check_lookups, job_body

        ti = context["ti"]
        owner = self._owner or Owner.new(ti.try_number)
        identity = task_identity(context, self.hook.settings.deployment)
        body = job_body(client.operations.spelling, asked)
        with asked.located():
            check_lookups(body, client.operations.workspace)
        work = Work(identity, ti.max_tries or 0, body, asked.located)
        task = _Attempt(self, context, self._tags(context, identity, owner))
        name = read_job_name(self._chosen_name)
        job = submit(client, task, work, name, owner, first_try=ti.try_number == 1)
        return claim(client, job, owner)

    def _tags(self, context: Context, identity: TaskIdentity, owner: Owner) -> dict[str, str]:
        """Those that say who made its job."""
        outlives_task = not (self._options.wait_for_completion and self._options.cancel_on_kill)
        return airflow_tags(context, identity, owner, outlives_task=outlives_task)

    def _end(
        self,
        client: AzureMLClient,
        name: str,
        why: str,
        *,
        patience: float | None = None,
        until: float | None = None,
    ) -> str:
        """Ask for a job's end unless another try owns it; what became of that, in a clause.

        :param patience: seconds for each answer.
        :param until: seconds since the epoch up to which it is tried again; None: once.
        """
        try_number = self._owner.try_number if self._owner else self._ti.try_number
        note = by_task(try_number, why)

        def ask() -> str | None:
            return client.end_job(name, note=note, why_left=why_left(self._owner), patience=patience)

        try:
            left = (
                ask()
                if until is None
                else retry_through_outage(f"Job {name} cannot be canceled", ask, until, lambda: self._killed)
            )
        except Exception as error:
            fate = f"could not be canceled and may go on: {error}"
            self.log.error("Azure ML job %s %s", name, fate)
        else:
            fate = "was asked to end" if left is None else f"is left: {left}"
            self.log.info("Azure ML job %s %s.", name, told_end(why, left))
        return fate

    def _end_unwanted(self, client: AzureMLClient, job: Job) -> None:
        """End an earlier job of the task, if it ends with its task."""
        if self._options.cancel_on_kill:
            self._end(client, job.name, "another job of the task follows")
        else:
            self.log.warning("Job %s goes on, as cancel_on_kill says.", job.name)

    @property
    def _limit(self) -> float | None:
        """Seconds from the start of the try after which nobody waits any more."""
        limits = [self._options.timeout]
        if self._options.deferrable and self.execution_timeout is not None:
            # Airflow 3 does not count it while a task is deferred.
            limits.append(self.execution_timeout.total_seconds())
        return min((limit for limit in limits if limit is not None), default=None)

    def _deadline(self, context: Context) -> float | None:
        return None if self._limit is None else started_at(context) + self._limit

    def _await(
        self, client: AzureMLClient, job: Job, deadline: float | None, log: Mapping[str, int] | None
    ) -> tuple[dict[str, Any], Any]:
        """Wait for the job here or in a trigger; neither is needed if it has ended."""
        from airflow_provider_amlrest.rest.poll.look import Look

        waiting = Wait(job.name, job.status, deadline, open_tail(log))
        event = waiting.see(Look(job, None))
        if event is None and self._options.deferrable:
            self._defer(waiting)
        return self._conclude(client, event or wait(client, waiting, self._options.poll_interval))

    def _defer(self, waiting: Wait) -> NoReturn:
        from airflow_provider_amlrest.triggers import AzureMLJobTrigger

        owner = str(self._owner) if self._owner else None
        masked = masking.note(self._rendered) if self._masked is None else self._masked
        self.defer(
            trigger=AzureMLJobTrigger(
                job_name=waiting.job_name,
                azureml_conn_id=self.azureml_conn_id,
                api_version=text("api_version", self.api_version),
                poll_interval=self._options.poll_interval,
                deadline=waiting.deadline,
                job_status=waiting.status,
                log=None if waiting.tail is None else waiting.tail.offsets,
                on_timeout=self._options.on_timeout,
                cancel_on_kill=self._options.cancel_on_kill,
                owner=owner,
            ),
            method_name="execute_complete",
            kwargs={"owner": owner, "masked": masked},
        )
        raise AssertionError("defer() raises")

    def _conclude(self, client: AzureMLClient, event: Event) -> tuple[dict[str, Any], Any]:
        """What the end of a wait means, wherever it was waited: the job's result, the task's return value."""
        if event["status"] == ERROR:
            raise AzureMLError(
                f"Azure ML job {event['job_name']} can no longer be watched, and may go on; a retry goes on "
                f"waiting for it. {event['message']}"
            )
        options = self._options
        # Whether one that was stalled responds again is worth waiting for, until the deadline.
        deadline, end = last_moments(event["deadline"], late=event["status"] == TIMEOUT)
        try:
            job = look_patiently(
                client, event["job_name"], poll_interval=options.poll_interval, deadline=deadline
            )
        except AzureMLError as error:
            if deadline is None or time.time() < deadline:
                raise
            unseen = f"It cannot be seen: {error}"
            raise self._too_late(client, event["job_name"], end, event, unseen) from None
        # One that was stalled may respond again by now.
        recovered = event["status"] == STALLED and job.status not in (
            event["job_status"],
            CANCEL_REQUESTED,
            CANCELED,
        )
        late = event["status"] in (TIMEOUT, STALLED) and not recovered
        if late and job.outcome in _NOT_DONE:
            raise self._too_late(client, job.name, end, event, asked=_was_asked_to_end(job))
        if job.outcome is Outcome.ACTIVE:
            # Or a list had it ended that is not.
            return self._await(client, job, event["deadline"], event["log"])
        shown = self._can_mask(job)
        with client.until(end):
            if job.outcome is Outcome.FAILED and has_steps(job.type):
                publish_failure(self, job, count_of_steps(client, job), self._ti)
            if shown:
                show_rest(client, job.name, event["log"])
            elif options.get_logs:
                self.log.warning("The job's log is %s", masking.NOT_SHOWN)
            result = finish(
                client,
                job,
                self.hook.studio_url(job),
                options.require_metrics,
                resubmit_canceled=options.resubmit_canceled,
                shown=shown,
                why_failed=self._why_failed,
            )
            return result, self._value(client, job, result)

    def _can_mask(self, job: Job) -> bool:
        """Whether this process knows the secrets that the job carries."""
        carries_none = job.properties.get(masking.MASKED_PROPERTY) != "true"
        return masking.masks_the_same(self._masked, self._rendered) or carries_none

    def _too_late(
        self,
        client: AzureMLClient,
        name: str,
        end: float | None,
        event: Event | None = None,
        unseen: str = "",
        *,
        asked: bool = False,
    ) -> JobTimeoutError:
        """End the job, or leave it, as ``on_timeout`` says, whether or not it can be seen; what to raise.

        :param asked: whether the task has asked for its end already.
        """
        late = f"Azure ML job {name} did not end " + (
            "in time" if self._limit is None else f"within {self._limit:g} s"
        )
        if event is not None and event["status"] == STALLED:
            minutes = PATIENCE[event["job_status"]] / 60
            late = f"Azure ML job {name} was {event['job_status']} for {minutes:g} minutes"
        url = " ".join(filter(None, (unseen, self.hook.studio_page(f"runs/{name}"))))
        if self._options.on_timeout == "leave":
            return JobTimeoutError(f"{late}; it goes on, as on_timeout says. {url}")
        fate = "was asked to end"
        if not asked:
            with client.until(end):
                fate = self._end(client, name, "its time is over", patience=patience.CANCEL, until=end)
        return JobTimeoutError(f"{late} and {fate}. {url}")


@dataclass(frozen=True)
class _Attempt:
    """What a submission asks of its task."""

    task: AzureMLJobOperator
    context: Context
    tags: dict[str, str]

    def is_about_to_submit(self, name: str, body: Wire) -> None:
        request_body.show(self.task, body, self.context)
        if self.task._killed:
            raise AzureMLError("The task was ended before its job was submitted.")
        self.task._submitted_name = name

    def takes_over(self, job: Job) -> None:
        self.task._submitted_name = job.name

    def end_unwanted(self, client: AzureMLClient, job: Job) -> None:
        self.task._end_unwanted(client, job)

    def check_canceled(self, client: AzureMLClient, job: Job) -> None:
        url, resubmit = self.task.hook.studio_url(job), self.task._options.resubmit_canceled
        error = canceled_error(client, job, url, resubmit_canceled=resubmit)
        if isinstance(error, JobCanceledByDecisionError):
            raise error
