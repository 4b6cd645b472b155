"""A run's log files, which the service hands out as URLs with a shared access signature."""

from __future__ import annotations

from azure.core.exceptions import AzureError
from azure.storage.blob import BlobClient

from airflow_provider_amlrest.rest.cloud import Cloud
from airflow_provider_amlrest.rest.pipeline import translate_blob, transport_options


def read_tail(url: str, cloud: Cloud, size: int) -> str:
    """The last ``size`` bytes of a log file, from the start of a line. Empty if the file is."""
    with BlobClient.from_blob_url(url, **transport_options(cloud)) as blob:
        try:
            length = blob.get_blob_properties().size
            if not length:
                return ""
            start = max(0, length - size)
            text = blob.download_blob(offset=start, length=length - start).readall()
        except AzureError as error:
            raise translate_blob(error, f"GET log {blob.blob_name}") from None
    decoded = text.decode(errors="replace")
    return (decoded.partition("\n")[2] if start and "\n" in decoded else decoded).strip()
