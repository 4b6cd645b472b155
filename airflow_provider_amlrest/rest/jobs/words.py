"""The words of the CLI for what all kinds of job have, and those of the wire."""

from __future__ import annotations

SERVICES = {
    "ssh": "SSH",
    "jupyter_lab": "JupyterLab",
    "tensor_board": "TensorBoard",
    "vs_code": "VSCode",
    "custom": "Custom",
}
IDENTITIES = {"aml_token": "AMLToken", "managed": "Managed", "user_identity": "UserIdentity"}
NOTIFICATIONS = {
    "job_completed": "JobCompleted",
    "job_failed": "JobFailed",
    "job_cancelled": "JobCancelled",
}
