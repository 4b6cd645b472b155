"""The request for a job's end, through ARM or run history."""

from __future__ import annotations

from airflow_provider_amlrest.emulator.arm.jobs import kind_of
from airflow_provider_amlrest.emulator.context import Context
from airflow_provider_amlrest.emulator.sign_in.tokens import Principal
from airflow_provider_amlrest.emulator.store import NOT_CANCELLING, JobRecord, utc_now


def cancel(context: Context, job: JobRecord, principal: Principal, reason: str | None = None) -> None:
    """Ask for a job's end in somebody's name. One that has ended, or was asked before, stays as it is."""
    kind = kind_of(job.job_type)
    with context.store.transaction():
        moved = context.store.transition(
            *(job.workspace, job.name, "CancelRequested"),
            only_from=NOT_CANCELLING,
            cancel_requested=True,
            cancelation_reason=reason,
            modified_by=principal.user,
            modified_at=utc_now(),
        )
        if moved and kind is not None and kind.cancel_tags:
            context.store.tag_job(job.workspace, job.name, kind.cancel_tags)
    context.wake()
