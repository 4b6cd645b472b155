"""Links from a task to Azure ML Studio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey

STUDIO_LINK_KEY = "azureml_studio_link"


class AzureMLStudioLink(BaseOperatorLink):
    """The job's page in the Studio. The operator pushes the URL as soon as the job exists."""

    name = "Azure ML Studio"
    key = STUDIO_LINK_KEY

    @property
    def xcom_key(self) -> str:
        """Airflow 3 reads the URL from this XCom, without this code."""
        return self.key

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The URL, or an empty text while there is no job."""
        return XCom.get_value(key=self.key, ti_key=ti_key) or ""
