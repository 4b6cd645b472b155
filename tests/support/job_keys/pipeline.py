"""Keys of pipeline jobs."""

from __future__ import annotations

from tests.support.job_keys.shared import RUN, Members

MINIMAL = {"jobs": {"step": RUN}, "compute": "azureml:cpu"}
KEYS = {"jobs": MINIMAL["jobs"], "component": "pipeline.yml", "settings": {"force_rerun": True}}
MEMBERS = (
    Members("settings", {"default_compute": "azureml:cpu", "default_datastore": "azureml:blobs"}),
    Members("settings", dict.fromkeys(("continue_on_step_failure", "force_rerun"), True)),
    Members("settings", {"continue_run_on_failed_optional_input": True}),
    Members("settings", dict.fromkeys(("on_init", "on_finalize"), "step")),
)
