"""The two models that a gate compares, with their metrics."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.lifecycle import patience
from airflow_provider_amlrest.lifecycle.gate import Side
from airflow_provider_amlrest.lifecycle.results import until_there
from airflow_provider_amlrest.rest.assets.model_versions import find_model
from airflow_provider_amlrest.rest.assets.uris import run_of
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError, NotFoundError
from airflow_provider_amlrest.rest.ids import ResourceId
from airflow_provider_amlrest.rest.jobs import has_trials
from airflow_provider_amlrest.rest.reading.fields import check_name, no_other_keys, string_map, text
from airflow_provider_amlrest.rest.reading.references import (
    LATEST,
    Named,
    job_reference,
    parse_reference,
    unrendered,
)
from airflow_provider_amlrest.rest.reading.values import mapping, structured
from airflow_provider_amlrest.rest.versions.features import unsupported

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.assets.model import Model

log = logging.getLogger(__name__)

_CHAMPION = ("name", "version", "stage", "tags")
STAGES = "2023-04-01"
"""The first api-version whose models have a stage."""


def read_candidate(client: AzureMLClient, value: Any, metrics: Sequence[str]) -> Side:
    """The new one: a job, by its result or its name; or a version of a model.

    :param metrics: those that are needed. The service may report them some seconds after a job's end.
    :raises InvalidSpecError: for anything else.
    """
    value = structured(unrendered(value))
    if isinstance(value, Mapping) and "metrics" in value:
        job, best = value.get("name"), mapping("candidate.best_trial", value.get("best_trial")).get("name")
        return Side(_facts(job=job), _of_a_result(value), tuple(filter(None, (job, best))))
    id_ = value.get("id") if isinstance(value, Mapping) else value
    if isinstance(id_, str) and "/jobs/" in id_:
        return _of_a_job(client, _job_of(id_), metrics)
    if parse_reference("candidate", value, "models") is None:
        return _of_a_job(client, job_reference("candidate", value), metrics)
    return _of_a_model(client, find_model(client, "candidate", value), metrics)


def read_champion(client: AzureMLClient, value: Any, candidate: Side) -> Side | None:
    """The current one: a version by its reference, or the newest that fits; None if there is none.

    :param value: ``iris:3``, ``iris@latest``, an operator's result; or ``{"name": "iris"}`` with ``version``,
        ``stage`` or ``tags``.
    :param candidate: it cannot be its own champion, even under another version.
    :raises InvalidSpecError: for anything else, and for a stage in an api-version that has none.
    :raises NotFoundError: if the version that was named does not exist.
    """
    value = structured(unrendered(value))
    model: Model | None
    if isinstance(value, Mapping) and "id" not in value:
        no_other_keys("champion", value, _CHAMPION)
        name = check_name("champion.name", text("champion.name", value.get("name")) or "")
        version = text("champion.version", value.get("version"))
        if version and version != LATEST:
            model = find_model(client, "champion", f"{name}:{version}")
        else:
            model = _newest(client, name, value, candidate)
    else:
        reference = parse_reference("champion", value, "models")
        if isinstance(reference, Named) and reference.version is None:
            model = _newest(client, reference.name, {}, candidate)
        else:
            model = find_model(client, "champion", value)
    return None if model is None else _of_a_model(client, model)


def _newest(client: AzureMLClient, name: str, asked: Mapping[str, Any], candidate: Side) -> Model | None:
    """The newest version with this stage and these tags that is not archived. A tag of None: any value."""
    stage = text("champion.stage", asked.get("stage")) or None
    given = mapping("champion.tags", asked.get("tags"))
    tags = string_map("champion.tags", {name: value for name, value in given.items() if value is not None})
    api_version = client.operations.api_version
    if stage is not None and api_version < STAGES:
        raise unsupported(api_version, "champion.stage", "the stage of a model", STAGES)

    def fits(model: Model) -> bool:
        has_tags = all(
            name in model.tags and (name not in tags or _is_alike(tags[name], model.tags[name]))
            for name in map(str, given)
        )
        has_stage = stage is None or _is_alike(stage, model.stage or "")
        is_candidate = model.id.lower() == str(candidate.facts["id"]).lower() or _run(model) in candidate.runs
        return has_tags and has_stage and not model.is_archived and not is_candidate

    try:
        return next(filter(fits, client.list_models(name)), None)
    except NotFoundError as error:
        if error.has_no_workspace or not error.inner_code:
            # A wrong workspace, or a proxy's page: no reason to accept any candidate.
            raise
        log.info("There is no model %s yet.", name)
        return None


def _is_alike(wanted: str, found: str) -> bool:
    """Capitals make no difference: who misses the champion for one would accept any candidate."""
    return wanted.casefold() == found.casefold()


def _of_a_result(result: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of a job's result: of a sweep those of its best trial; of a pipeline its steps', too."""
    best = mapping("candidate.best_trial", result.get("best_trial"))
    steps = mapping("candidate.step_metrics", result.get("step_metrics"))
    groups = [best.get("metrics") or result["metrics"], *steps.values()]
    return {
        name: value
        for group in reversed(groups)
        for name, value in _numbers(mapping("candidate.metrics", group)).items()
    }


def _job_of(id_: str) -> str:
    try:
        return ResourceId.parse(id_).name
    except ValueError as error:
        raise InvalidSpecError("candidate", str(error)) from None


def _of_a_job(client: AzureMLClient, name: str, awaited: Sequence[str]) -> Side:
    job = client.get_job(name)
    best = client.get_best_trial(name) if has_trials(job.type) else None
    run = best.name if best else name
    return Side(_facts(job=name), _metrics(client, run, awaited), (name, run))


def _of_a_model(client: AzureMLClient, model: Model, awaited: Sequence[str] = ()) -> Side:
    """Its job's metrics; what the job does not have, or is gone, may be in its tags or properties."""
    own = {**_numbers(model.properties), **_numbers(model.tags)}
    job = _run(model)
    metrics: Mapping[str, float] = {}
    if job is not None:
        try:
            metrics = _metrics(client, job, [name for name in awaited if name not in own])
        except NotFoundError:
            log.info("The job %s of the model %s is gone.", job, model.name)
    facts = _facts(f"{model.name}:{model.version}", job, model.id)
    return Side(facts, {**own, **metrics}, () if job is None else (job,))


def _run(model: Model) -> str | None:
    """The run that has written a model, if that is known."""
    return model.job_name or run_of(model.uri)


def _metrics(client: AzureMLClient, run: str, awaited: Sequence[str]) -> Mapping[str, float]:
    last: dict[str, float] = {}

    def ask() -> dict[str, float] | None:
        last.update(client.get_metrics(run))
        return last if last.keys() >= set(awaited) else None

    return until_there(ask, patience.SETTLE) or last


def _facts(model: str | None = None, job: str | None = None, id_: str | None = None) -> dict[str, str | None]:
    return {"model": model, "job": job, "id": id_}


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    found = {}
    for name, value in values.items():
        try:
            found[name] = float(value)
        except (TypeError, ValueError):
            continue
    return found
