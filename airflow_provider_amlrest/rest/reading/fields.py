"""What a person writes about a job, read into the neutral model, or refused in words.

Every function takes the field's name first, so that an error can say where it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import MISSING, fields, replace
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from airflow_provider_amlrest.rest.assets.data import DATA_TYPES
from airflow_provider_amlrest.rest.assets.model import MODEL_TYPES
from airflow_provider_amlrest.rest.assets.uris import check_expressions
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError, holds_credentials
from airflow_provider_amlrest.rest.ids import NAME_PATTERN, VERSION_PATTERN
from airflow_provider_amlrest.rest.jobs.command import Distribution, Resources
from airflow_provider_amlrest.rest.jobs.job import Identity, LiteralInput, Output, Service
from airflow_provider_amlrest.rest.jobs.sweep import (
    EarlyTermination,
    Objective,
    SamplingAlgorithm,
    SweepJob,
    SweepLimits,
)
from airflow_provider_amlrest.rest.reading.values import (
    blank,
    boolean,
    mapping,
    number,
    seconds,
    structured,
    whole,
)

T = TypeVar("T")

INPUT_MODES = ("ro_mount", "rw_mount", "download", "direct", "eval_mount", "eval_download")
OUTPUT_MODES = ("rw_mount", "upload", "direct")
URI_SCHEMES = ("azureml://", "https://", "wasbs://", "abfss://")
JOB_TIERS = ("spot", "basic", "standard", "premium")

_TYPES: dict[type, tuple[str, ...]] = {
    Distribution: ("pytorch", "mpi", "tensorflow"),
    EarlyTermination: ("bandit", "median_stopping", "truncation_selection"),
    Identity: ("aml_token", "managed", "user_identity"),
    SamplingAlgorithm: ("random", "grid", "bayesian"),
    Service: ("ssh", "jupyter_lab", "tensor_board", "vs_code", "custom"),
}

_ALIASES: dict[type, Mapping[str, str]] = {Identity: {"managed_identity": "managed"}}
_SERVICE_PROPERTIES = {"log_dir": ("tensor_board", "logDir"), "ssh_public_keys": ("ssh", "sshPublicKeys")}
"""Members of a service in the CLI: of which type, and the property that each is."""

_PLACEHOLDER = re.compile(r"\$\{\{\s*(?:(?P<group>\w+)\.(?P<name>[\w.\-]+?)\s*\}\}|[^}]*\}?\}?)")
"""Also what looks like one and is none; it has no group then."""

_OPTIONAL = re.compile(r"\$\[\[.*?(\]\]|$)")
_WORD = re.compile(r"[a-zA-Z0-9_]")
"""What every text that the service needs must have in it (all api-versions)."""
_GUID = re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


def check_name(field: str, name: str, longest: int = 255) -> str:
    """The name, if Azure ML takes it. Raises InvalidSpecError otherwise."""
    if not isinstance(name, str) or not NAME_PATTERN.fullmatch(name) or len(name) > longest:
        raise InvalidSpecError(
            field,
            f"{name!r} is no name for Azure ML: 1 to {longest} letters, digits, '-' and '_', "
            "beginning with a letter or digit.",
        )
    return name


def names(field: str, value: Any) -> tuple[str, ...]:
    """A list of names. Raises InvalidSpecError otherwise; a single text is none."""
    value = structured(value)
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) and name for name in value):
        raise InvalidSpecError(field, f'{value!r} must be a list of names, such as ["auc"].')
    return tuple(value)


def check_version(field: str, version: str, longest: int | None = None) -> str:
    """The version of an asset, if it can be one. Raises InvalidSpecError otherwise.

    :param longest: how many characters it may have; None: any number.
    """
    if not VERSION_PATTERN.fullmatch(version):
        raise InvalidSpecError(field, f"{version!r} is no version of an asset: it has one of <>*%&:\\?/#@.")
    if longest is not None and len(version) > longest:
        raise InvalidSpecError(
            field, f"{version!r} has {len(version)} characters, but here a version has {longest} at most."
        )
    return version


def is_uri(field: str, value: Any) -> bool:
    """Whether a value is a URI of data, of a scheme that Azure ML takes.

    Raises InvalidSpecError as :func:`check_unsigned`.
    """
    return isinstance(value, str) and value.startswith(URI_SCHEMES) and bool(check_unsigned(field, value))


_ACCESS = "Give it without: the job's identity, or a datastore of the workspace, can have the access."


def check_unsigned(field: str, value: str, way_out: str = _ACCESS) -> str:
    """The text, if no URL in it holds a secret: who may see the asset, job or task would see that, too.

    :param way_out: what to do instead, for the error.
    :raises InvalidSpecError: for a signature, password or token, as :func:`holds_credentials` knows them.
    """
    if holds_credentials(value):
        raise InvalidSpecError(
            field,
            f"{value!r} holds a signature or a password, and whoever sees the asset or the task would have "
            f"it. {way_out}",
        )
    return value


def string_map(field: str, value: Any) -> dict[str, str]:
    """A mapping of text to text; numbers and booleans become text, None is refused."""
    result = {}
    for key, member in mapping(field, value).items():
        if not isinstance(member, str | int | float | bool):
            raise InvalidSpecError(f"{field}.{key}", f"{member!r} must be text or a number.")
        result[str(key)] = str(member)
    return result


def parse_literal(field: str, value: Any) -> LiteralInput:
    """A literal input. The wire takes text only, so numbers and booleans become text.

    Raises InvalidSpecError for what is none, and as :func:`check_unsigned`.
    """
    if not isinstance(value, str | int | float | bool):
        raise InvalidSpecError(
            field,
            f"{value!r} is no input. Use text, a number or a boolean for a literal; for data a reference, "
            'or {"type": "uri_file", "path": "azureml:name:version"}.',
        )
    if not _WORD.search(str(value)):
        raise InvalidSpecError(
            field,
            f"{value!r} is no input, as it has no letter or digit; leave the input out, or write it into "
            "the command.",
        )
    return LiteralInput(check_unsigned(field, str(value)))


def parse_outputs(field: str, value: Any) -> dict[str, Output]:
    """Read ``{name: {"type": "uri_folder", "mode": ..., "path": ..., "name": ...}}``, or ``{name: type}``."""
    outputs = {}
    for name, spec in mapping(field, value).items():
        where, spec = f"{field}.{name}", structured(spec)
        spec = {} if spec is None else {"type": spec} if isinstance(spec, str) else mapping(where, spec)
        no_other_keys(where, spec, {"type", "mode", "path", "name", "version"})
        path, asset, version = spec.get("path"), spec.get("name"), spec.get("version")
        if path is not None and not is_uri(f"{where}.path", path):
            raise InvalidSpecError(f"{where}.path", f"{path!r} must begin with {' or '.join(URI_SCHEMES)}.")
        check_expressions(f"{where}.path", path or "")
        outputs[str(name)] = Output(
            word(f"{where}.type", spec.get("type") or "uri_folder", DATA_TYPES + MODEL_TYPES),
            word(f"{where}.mode", spec.get("mode") or "rw_mount", OUTPUT_MODES, {"mount": "rw_mount"}),
            path,
            check_name(f"{where}.name", asset) if asset is not None else None,
            check_version(f"{where}.version", str(version)) if version is not None else None,
        )
    return outputs


def parse_typed(field: str, value: Any, cls: type[T]) -> T | None:
    """Read a mapping with a ``type``, or just the type as text, into one of the model's classes."""
    value = structured(value)
    if blank(value):
        return None
    given = {"type": value} if isinstance(value, str) else dict(mapping(field, value))
    if cls is Identity and "msi_resource_id" in given:
        given.setdefault("resource_id", given.pop("msi_resource_id"))
    if "type" in given:
        given["type"] = word(f"{field}.type", given["type"], _TYPES[cls], _ALIASES.get(cls, {}))
    if cls is SamplingAlgorithm and given.get("rule") is not None:
        given["rule"] = word(f"{field}.rule", given["rule"], ("random", "sobol"))
    result = _build(field, given, cls)
    if isinstance(result, Identity):
        for name in ("client_id", "object_id"):
            value = getattr(result, name)
            if value is not None and not _GUID.fullmatch(value):
                raise InvalidSpecError(f"{field}.{name}", f"{value!r} is no GUID.")
    return result


def parse_services(field: str, value: Any) -> dict[str, Service]:
    """Read ``{name: {"type": "ssh", ...}}``."""
    services = {}
    for name, spec in mapping(field, value).items():
        service = parse_typed(f"{field}.{name}", _service(f"{field}.{name}", spec), Service)
        if service is not None:
            properties = string_map(f"{field}.{name}.properties", service.properties)
            services[str(name)] = replace(service, properties=properties)
    return services


def _service(field: str, value: Any) -> Any:
    """A service in the words of the wire, which has those of the CLI among its properties."""
    if not isinstance(value, Mapping):
        return value
    service = dict(value)
    nodes = service.pop("nodes", None)
    if nodes is not None:
        word(f"{field}.nodes", nodes, ("all",))
        service["all_nodes"] = True
    for member, (kind, key) in _SERVICE_PROPERTIES.items():
        if (text := service.pop(member, None)) is not None:
            word(f"{field}.type, which has {member},", service.get("type"), (kind,))
            service["properties"] = {**mapping(f"{field}.properties", service.get("properties")), key: text}
    return service


def parse_job_tier(field: str, value: Any) -> str | None:
    """Read ``{"job_tier": "spot"}``."""
    settings = mapping(field, value)
    no_other_keys(field, settings, {"job_tier"})
    if settings.get("job_tier") is None:
        return None
    return word(f"{field}.job_tier", settings["job_tier"], JOB_TIERS)


def parse_objective(field: str, value: Any) -> Objective:
    """Read ``{"goal": "minimize", "primary_metric": "loss"}``."""
    objective = _build(field, mapping(field, value), Objective)
    objective = replace(objective, goal=word(f"{field}.goal", objective.goal, ("minimize", "maximize")))
    if not _WORD.search(objective.primary_metric):
        raise InvalidSpecError(
            f"{field}.primary_metric",
            "it is empty, or without letter or digit; give the name that the script logs.",
        )
    return objective


def parse_sweep_limits(field: str, value: Any) -> SweepLimits:
    """Read the mapping with a sweep's limits; times in seconds."""
    limits = _build(field, mapping(field, value), SweepLimits)
    for name in ("max_total_trials", "max_concurrent_trials"):
        count = getattr(limits, name)
        if count is not None:
            whole(f"{field}.{name}", count, 1, 1000)
    for name in ("timeout", "trial_timeout"):
        seconds(f"{field}.{name}", getattr(limits, name))
    return limits


def parse_command_limits(field: str, value: Any) -> float | None:
    """Read ``{"timeout": seconds}``."""
    limits = mapping(field, value)
    no_other_keys(field, limits, {"timeout"})
    return seconds(f"{field}.timeout", limits.get("timeout"))


def parse_resources(
    instance_count: Any,
    instance_type: Any,
    shm_size: Any = None,
    docker_args: Any = None,
    job_resources: Any = None,
) -> Resources:
    """How many nodes, of which size, with how much shared memory (``"2g"``).

    :param job_resources: the same as the CLI's mapping, and what is only in that one.
    """
    members = mapping("job_resources", job_resources)
    given = {name: value for name, value in members.items() if value is not None}
    beside = {"instance_count": None if instance_count == 1 else instance_count}
    beside |= {"instance_type": instance_type, "shm_size": shm_size, "docker_args": docker_args}
    no_other_keys("job_resources", given, {*beside, "properties", "max_instance_count", "locations"})
    for name in sorted(given.keys() & beside):
        if beside[name] is not None:
            raise InvalidSpecError(
                f"job_resources.{name}", f"there is {name}={beside[name]!r} as well; give one."
            )
    instance_type = given.get("instance_type", instance_type)
    shm_size, docker_args = given.get("shm_size", shm_size), given.get("docker_args", docker_args)
    arguments = tuple(docker_args) if isinstance(docker_args, list | tuple) else ()
    texts = {"instance_type": instance_type, "docker_args": None if arguments else docker_args}
    texts |= {f"docker_args[{index}]": value for index, value in enumerate(arguments)}

    nodes = whole("instance_count", given.get("instance_count", instance_count), 1, 10_000)
    for field, value in texts.items():
        if value is not None and (not isinstance(value, str) or not value):
            raise InvalidSpecError(field, f"{value!r} must be text; leave it out if there is none.")
    if shm_size is not None and not re.fullmatch(r"\d+[bBkKmMgG]", str(shm_size)):
        raise InvalidSpecError("shm_size", f"{shm_size!r} must be a number and a unit, such as '2g'.")
    most, locations = given.get("max_instance_count"), given.get("locations", ())
    if most is not None:
        most = whole("job_resources.max_instance_count", most, 1, 10_000)
    if locations:
        locations = names("job_resources.locations", locations)
    return Resources(
        nodes,
        instance_type,
        shm_size,
        texts["docker_args"],
        arguments,
        _json_map("job_resources.properties", given.get("properties")),
        most,
        tuple(locations),
    )


def _json_map(field: str, value: Any) -> dict[str, Any]:
    given = dict(mapping(field, value))
    try:
        json.dumps(given, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidSpecError(field, f"{given!r} cannot be written as JSON: {error}.") from None
    return {str(name): member for name, member in given.items()}


def one_of(field: str, value: Any, allowed: Collection[str]) -> str:
    """The value, if it is one of those allowed. Raises InvalidSpecError naming them otherwise."""
    if value not in allowed:
        raise InvalidSpecError(field, f"{value!r} is not one of: {', '.join(allowed)}.")
    return str(value)


def word(field: str, value: Any, allowed: Collection[str], aliases: Mapping[str, str] | None = None) -> str:
    """A word of Azure ML as we spell it: the CLI and the SDK take each in any case, ``UserIdentity``, too.

    :param aliases: other words, and what they mean.
    :raises InvalidSpecError: naming those allowed.
    """
    spellings = {name.replace("_", ""): name for name in allowed}
    spellings |= {other.replace("_", ""): name for other, name in (aliases or {}).items()}
    found = spellings.get(value.replace("_", "").lower()) if isinstance(value, str) else None
    return found or one_of(field, value, allowed)


def check_command(field: str, command: str, groups: Mapping[str, Iterable[str]]) -> list[str]:
    """Check a command's placeholders against the names there are, a group each: inputs, outputs, ...

    :return: the search-space parameters that the command never uses.
    :raises InvalidSpecError: for an empty command, a placeholder without its input, output or parameter, and
        ``$[[...]]``, which components alone have.
    """
    if isinstance(command, list | tuple):
        raise InvalidSpecError(
            field,
            f"{command!r} is a list; a job runs one text in a shell: ' && '.join(...) makes one of steps.",
        )
    if not isinstance(command, str) or not _WORD.search(command):
        raise InvalidSpecError(
            field, "it is empty, or without letter or digit; give the command that the job runs."
        )
    if optional := _OPTIONAL.search(command):
        raise InvalidSpecError(
            field,
            f"{optional[0]!r}: optional arguments are for components, not for jobs. Leave the brackets out; "
            "where there is no such input, the argument too.",
        )
    used = set()
    for match in _PLACEHOLDER.finditer(command):
        group, name = match["group"], match["name"]
        used.add((group, name))
        if group not in groups:
            allowed = ", ".join(f"${{{{{known}.<name>}}}}" for known in groups)
            raise InvalidSpecError(field, f"{match[0]!r} means nothing here; there are: {allowed}.")
        names = list(groups[group])
        # The rest of a dotted name is a member of the input: ${{inputs.data.path}}.
        if name not in names and name.split(".")[0] not in names:
            have = f"it has: {', '.join(names)}" if names else "there are none"
            raise InvalidSpecError(field, f"{match[0]!r} is used, but {group} has no {name!r} ({have}).")
    return [name for name in groups.get("search_space", ()) if ("search_space", name) not in used]


def check_sweep(job: SweepJob) -> None:
    """Check what only the whole sweep shows: that algorithm, search space and policy go together."""
    kinds = {distribution.type for distribution in job.search_space.values()}
    for algorithm, allowed in (("grid", {"choice"}), ("bayesian", {"choice", "uniform", "quniform"})):
        if job.sampling_algorithm.type == algorithm and not kinds <= allowed:
            raise InvalidSpecError(
                "sampling_algorithm",
                f"{algorithm} takes only {', '.join(sorted(allowed))}; the search space has "
                f"{', '.join(sorted(kinds - allowed))}.",
            )
    if job.sampling_algorithm.type != "random" and (
        job.sampling_algorithm.rule is not None or job.sampling_algorithm.seed is not None
    ):
        raise InvalidSpecError("sampling_algorithm", "rule and seed belong to random alone; leave them out.")
    policy = job.early_termination
    if policy and job.sampling_algorithm.type == "bayesian":
        raise InvalidSpecError(
            "early_termination", "bayesian takes no policy; leave it out, or sample by random or grid."
        )
    for name in ("evaluation_interval", "delay_evaluation", "slack_factor", "slack_amount"):
        number = getattr(policy, name, None)
        if number is not None and number < 0:
            raise InvalidSpecError(f"early_termination.{name}", f"{number!r} must not be negative.")
    if policy and policy.type == "bandit" and (policy.slack_factor is None) == (policy.slack_amount is None):
        raise InvalidSpecError("early_termination", "bandit takes either slack_factor or slack_amount.")
    if policy and policy.type == "truncation_selection":
        whole("early_termination.truncation_percentage", policy.truncation_percentage, 1, 99)


def no_other_keys(field: str, value: Mapping[str, Any], allowed: Collection[str]) -> None:
    """Raises InvalidSpecError if a mapping has a key that is not allowed."""
    other = set(value) - set(allowed)
    if other:
        raise InvalidSpecError(
            field,
            f"unknown key {', '.join(sorted(map(repr, other)))}; there are: {', '.join(sorted(allowed))}.",
        )


def _build(field: str, value: Mapping[str, Any], cls: type[T]) -> T:
    known = fields(cls)  # type: ignore[arg-type]
    no_other_keys(field, value, [member.name for member in known])
    required = {f.name for f in known if f.default is MISSING and f.default_factory is MISSING}
    missing = required - set(value)
    if missing:
        raise InvalidSpecError(field, f"{', '.join(sorted(missing))} is missing.")
    hints = get_type_hints(cls)
    return cls(**{name: _typed(f"{field}.{name}", member, hints[name]) for name, member in value.items()})


_LARGEST = 2**31 - 1
_READERS: dict[Any, Callable[[str, Any], Any]] = {
    str: lambda field, value: value,
    int: lambda field, value: whole(field, value, -_LARGEST, _LARGEST),
    float: number,
    bool: boolean,
    Mapping: mapping,
}


def _typed(field: str, value: Any, hint: Any) -> Any:
    """The value as a member's type wants it, such as ``int | None``. Raises InvalidSpecError otherwise."""
    optional = NoneType in get_args(hint)
    kind = get_args(hint)[0] if optional else get_origin(hint) or hint
    if optional and (value is None or (kind is not str and blank(value))):
        return None
    if kind is str and not isinstance(value, str):
        raise InvalidSpecError(field, f"{value!r} must be text.")
    if kind is float and abs(number(field, value)) > _LARGEST:
        raise InvalidSpecError(field, f"{value!r} must be a number (up to {_LARGEST}).")
    return _READERS[kind](field, value)
