"""Apache Airflow provider for Azure Machine Learning over its REST API."""

from airflow_provider_amlrest.version import __version__

__all__ = ["__version__"]
