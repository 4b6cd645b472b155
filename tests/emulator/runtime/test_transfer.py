"""Where blobs are downloaded to."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.runtime.transfer import inside


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", ""])
def test_blob_name_that_leads_out_of_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(JobError, match="leads out"):
        inside(tmp_path, name)
