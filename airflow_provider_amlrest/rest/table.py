"""All that not every api-version can say: the documentation is tested against it."""

from __future__ import annotations

from airflow_provider_amlrest.rest.assets import data, environment
from airflow_provider_amlrest.rest.jobs import all_kinds, job
from airflow_provider_amlrest.rest.versions.features import Feature


def all_features() -> tuple[Feature, ...]:
    """Each once, those of assets first."""
    of_kinds = [feature for kind in all_kinds() for feature in kind.features]
    features = (*environment.FEATURES, *data.FEATURES, *job.FEATURES, *of_kinds)
    unique: dict[tuple[str, str], Feature] = {}
    for feature in features:
        unique.setdefault((feature.field, feature.what), feature)
    return tuple(unique.values())
