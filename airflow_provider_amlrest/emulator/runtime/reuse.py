"""Steps that need not run again, because the same has run before."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.config import DEFAULT_DATASTORE
from airflow_provider_amlrest.emulator.runtime.data import output_asset_name
from airflow_provider_amlrest.emulator.runtime.placeholders import resolve_path
from airflow_provider_amlrest.emulator.store import utc_now

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.arm.jobs.nodes.node import Node
    from airflow_provider_amlrest.emulator.runtime.context import JobContext
    from airflow_provider_amlrest.emulator.store import JobRecord

REUSED = "azureml.isreused"
OF_THE_NODE = ("displayName", "description", "experimentName", "tags", "properties")
"""Properties of a step's job that do not change what it does."""


@dataclass(frozen=True)
class Reuse:
    """What a pipeline can reuse. Documented: its component must be deterministic, and code, environment,
    inputs, parameters, settings of the outputs and of the run be the same.
    """

    context: JobContext

    def key(self, node: Node, properties: dict[str, Any]) -> str | None:
        """Equal for steps that do the same; None for one that neither reuses nor is reused.

        Data counts by where it lies, not by what it holds.
        """
        settings = self.context.properties.get("settings") or {}
        forced = str(settings.get("force_rerun", False)).lower() == "true"
        if forced or str(node.spec.get("is_deterministic", True)).lower() != "true":
            return None
        content = {name: value for name, value in properties.items() if name not in OF_THE_NODE}
        content["outputs"] = {k: v for k, v in properties["outputs"].items() if k != "default"}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def key_again(self, node: Node, job: JobRecord) -> str | None:
        """The key of a step of before a restart; one that reuses another is none to be reused itself."""
        if REUSED in job.run_properties or "outputs" not in job.properties:
            return None
        return self.key(node, job.properties)

    def find(self, key: str | None, tags: dict[str, str]) -> JobRecord | None:
        """The step that did the same, if it is still there, and no script says that this one differs."""
        name = self.context.store.setting(self._setting(key)) if key else None
        job = self.context.store.job(self.context.job.workspace, name) if name else None
        if job is None or job.status != "Completed" or (job.properties.get("tags") or {}) != tags:
            return None
        return job

    def remember(self, key: str | None, run: str) -> None:
        """Let later pipelines reuse a step that has completed."""
        if key:
            self.context.store.set_setting(self._setting(key), run)

    def take_over(self, context: JobContext, earlier: JobRecord) -> None:
        """Complete a step with what an earlier one left. Recorded: all it shows is that run's."""
        store, job, now = context.store, context.job, utc_now()
        marks = {
            REUSED: "true",
            "azureml.reusedrunid": earlier.name,
            "azureml.reusednodeid": earlier.run_properties.get("azureml.nodeid", ""),
            "azureml.reusedpipeline": earlier.run_properties.get("azureml.pipeline", ""),
            "azureml.reusedpipelinerunid": earlier.run_properties.get("azureml.pipelinerunid", ""),
        }
        with store.transaction():
            store.log_metrics(job.workspace, job.name, store.metric_history(earlier.workspace, earlier.name))
            store.update_job(
                *(job.workspace, job.name),
                run_properties={**earlier.run_properties, **job.run_properties, **marks},
                run_tags={**earlier.run_tags, **job.run_tags},
                passed_outputs=earlier.passed_outputs,
                log_files=earlier.log_files,
                params=earlier.params,
                started_at=now,
            )
            context.end("Completed")

    def _setting(self, key: str) -> str:
        return f"reuse:{self.context.job.workspace}:{key}"


def written(context: JobContext) -> dict[str, dict[str, str]]:
    """The outputs of a completed job: which data asset, and where. A sweep's are its best trial's."""
    job = context.job
    if job.passed_outputs:
        return job.passed_outputs
    run = job.run_properties.get("best_child_run_id", job.name)
    found = {}
    for name, output in (job.properties.get("outputs") or {}).items():
        if name == "default":
            continue
        asset = output_asset_name(run, name)
        record = context.store.asset(job.workspace, "data", asset, "1")
        values = {"name": run, "output_name": name, "default_datastore": DEFAULT_DATASTORE}
        uri = record.properties["dataUri"] if record else resolve_path(output["uri"], values)
        found[name] = {"asset": asset, "uri": uri}
    return found
