"""All that not every api-version can say: the documentation is tested against it."""

from __future__ import annotations

from airflow_provider_amlrest.rest.assets import data, environment, model
from airflow_provider_amlrest.rest.jobs import all_kinds, spec
from airflow_provider_amlrest.rest.versions.features import Feature


def all_features() -> tuple[Feature, ...]:
    """Each once, those of assets first."""
    of_kinds = [feature for kind in all_kinds() for feature in kind.features]
    features = (*environment.FEATURES, *data.FEATURES, *model.FEATURES, *spec.FEATURES, *of_kinds)
    return tuple(dict.fromkeys(features))
