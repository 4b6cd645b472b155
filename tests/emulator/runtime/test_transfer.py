"""Where blobs are downloaded and copied to."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_amlrest.emulator.runtime.data import BlobLocation
from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.runtime.transfer import copy, inside
from airflow_provider_amlrest.emulator.storage.blobs import BlobStorage


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", ""])
def test_blob_name_that_leads_out_of_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(JobError, match="leads out"):
        inside(tmp_path, name)


@pytest.mark.parametrize(
    ("path", "copied"),
    [("m", ["m/a", "m/deep/b"]), ("m/a", ["m/a"]), ("", ["m-other/c", "m/a", "m/deep/b"]), ("none", [])],
)
def test_copies_between_containers(blobs: BlobStorage, path: str, copied: list[str]) -> None:
    """What only begins alike stays where it is."""
    blobs.ensure_container("copied-from")
    source = blobs.service.get_container_client("copied-from")
    for name in ("m/a", "m/deep/b", "m-other/c"):
        source.upload_blob(name, name, overwrite=True)
    container = f"copied-to-{len(path)}-{len(copied)}"
    copy(blobs.service, BlobLocation("copied-from", path), container)
    target = blobs.service.get_container_client(container)
    assert {name: target.download_blob(name).readall().decode() for name in target.list_blob_names()} == {
        name: name for name in copied
    }
