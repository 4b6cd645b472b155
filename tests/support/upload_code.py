"""Upload code as a task does, without Airflow: in this process, or in a separate one that can be killed.

``python -m tests.support.upload_code <facts.json> <path>`` prints the code's ARM id, and the MiB by which the
process grew.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
from pathlib import Path
from typing import Any

from airflow_provider_amlrest.rest import AzureMLClient, WorkspaceId
from airflow_provider_amlrest.rest.assets.ensure import ensure_code
from airflow_provider_amlrest.rest.assets.upload.content import read_content
from airflow_provider_amlrest.rest.http.cloud import custom_cloud
from airflow_provider_amlrest.rest.http.credentials import ClientSecret, sync_credential


def client_of(facts: dict[str, Any], **options: Any) -> AzureMLClient:
    """A client of the emulator's workspace, from the facts of its ready file."""
    cloud = custom_cloud(facts["arm_endpoint"], facts["authority_host"])
    cloud = cloud.trusting(facts["ca_bundle"], facts["blob_endpoint"])
    identity = ClientSecret(facts["tenant_id"], facts["client_id"], facts["client_secret"])
    workspace = WorkspaceId(facts["subscription_id"], facts["resource_group"], facts["workspace_name"])
    return AzureMLClient(sync_credential(identity, cloud), workspace, cloud=cloud, **options)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    facts, path = sys.argv[1:]
    logging.basicConfig(level=logging.INFO)
    with client_of(json.loads(Path(facts).read_text())) as client:
        client.get_workspace()
        before = _peak()
        code, _ = ensure_code(client, read_content("code", Path(path)))
    sys.stdout.write(f"{code.id} {_peak() - before}\n")


if __name__ == "__main__":
    main()
