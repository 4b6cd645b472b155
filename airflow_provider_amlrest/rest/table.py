"""All that not every api-version can say: the documentation is tested against it."""

from __future__ import annotations

from airflow_provider_amlrest.rest.assets import data, environment, model
from airflow_provider_amlrest.rest.jobs import all_kinds, spec
from airflow_provider_amlrest.rest.resources import batch, compute, online
from airflow_provider_amlrest.rest.versions.features import Feature


def all_features() -> tuple[Feature, ...]:
    """Each once: those of assets, of jobs, of resources."""
    of_kinds = [feature for kind in all_kinds() for feature in kind.features]
    of_assets = (*environment.FEATURES, *data.FEATURES, *model.FEATURES)
    of_resources = (
        *compute.FEATURES,
        *(*online.ENDPOINT_FEATURES, *online.DEPLOYMENT_FEATURES),
        *(*batch.ENDPOINT_FEATURES, *batch.DEPLOYMENT_FEATURES),
    )
    return tuple(dict.fromkeys((*of_assets, *spec.FEATURES, *of_kinds, *of_resources)))
