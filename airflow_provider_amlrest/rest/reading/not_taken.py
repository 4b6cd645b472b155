"""Keys of the CLI's YAML that are not taken, and why: for errors, and for the documentation."""

from __future__ import annotations

_PREVIEW = "only previews of the API have it, none of which this provider supports"
_ANSWER = "the service writes it; leave it out"
_SCHEDULE = "it is of a schedule; here the DAG has the schedule"
_RAY = f"it is of the distribution ray, and {_PREVIEW}"

NOT_TAKEN = {
    "id": _ANSWER,
    "status": _ANSWER,
    "creation_context": _ANSWER,
    "log_files": _ANSWER,
    "latest_version": _ANSWER,
    "parameters": _ANSWER,
    "parent_job_name": _PREVIEW,
    "schedule": _SCHEDULE,
    "trigger": _SCHEDULE,
    "create_job": _SCHEDULE,
    "source_job_id": "it copies a job that has run; give the job itself",
    "webhooks": "the CLI has no such key, and whom it calls is better told by Airflow's callbacks",
    "auto_delete_setting": _PREVIEW,
    "priority": _PREVIEW,
    "logbase": _PREVIEW,
    "path_on_compute": _PREVIEW,
    "address": _RAY,
    "port": _RAY,
    "dashboard_port": _RAY,
    "include_dashboard": _RAY,
    "head_node_additional_args": _RAY,
    "worker_node_additional_args": _RAY,
    "ssh_private_key_file": "a key is not read from a file here; attach the machine with an admin_password",
    "datastore": "uploads go to the workspace's default datastore; elsewhere give the path as a URI",
    "inference_config": "it is of environments that serve models, not of those that jobs run in",
    "resources": f"here {_PREVIEW}; those of a sweep's trials are trial.resources",
    "queue_settings": "here the API has no such member; the steps of a pipeline may have it, not a component",
    "inputs": "here the API has no such member; data of an AutoML job is its training_data",
    "component": "here a job has its own command or task; steps of a pipeline run components",
    "services": "what azure-ai-ml sends for it here is not known",
}
"""Key -> why it is not taken where it is not."""
