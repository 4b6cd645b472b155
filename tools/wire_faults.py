"""The deliberate faults that ``make mutation`` puts in: of jobs, assets, paths and answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

REST = "airflow_provider_amlrest/rest"


@dataclass(frozen=True)
class Fault:
    """``old`` becomes ``new``; ``old`` is in its file exactly once."""

    what: str
    file: str
    old: str
    new: str

    def source(self, root: Path) -> str:
        """The file with the fault."""
        text = (root / REST / self.file).read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"{self.what}: {self.old!r} is {text.count(self.old)} times in {self.file}")
        return text.replace(self.old, self.new)


JOB_FAULTS = (
    # Requests: names, nesting, types
    Fault("a renamed member", "jobs/command.py", "environmentVariables=dict(", "envVariables=dict("),
    Fault("a name in another case", "assets/data.py", "dataUri=data.uri", "dataURI=data.uri"),
    Fault(
        "a member at the wrong level",
        "jobs/spec.py",
        '{"jobTier": job.job_tier.capitalize()}',
        "job.job_tier",
    ),
    Fault("a required member missing", "jobs/command.py", "        environmentId=run.environment,\n", ""),
    Fault(
        "one text in another's place",
        "jobs/spec.py",
        "displayName=job.display_name",
        "displayName=job.description",
    ),
    Fault("a member lost", "jobs/command.py", "        shmSize=resources.shm_size,\n", ""),
    Fault(
        "a number where a text belongs",
        "jobs/input_wire.py",
        '"value": value.value}',
        '"value": len(value.value)}',
    ),
    Fault(
        "seconds where a duration belongs", "versions/words.py", 'f"PT{-int(-seconds // 1)}S"', "str(seconds)"
    ),
    Fault("a duration rounded down", "versions/words.py", "PT{-int(-seconds // 1)}S", "PT{int(seconds)}S"),
    Fault(
        "a number left out for being 0",
        "versions/words.py",
        "if value is not None and value != {}}",
        "if value}",
    ),
    Fault("the hash's version missing", "assets/code.py", ', "hash_version": HASH_VERSION}', "}"),
    # Requests: words and kinds
    Fault("an enum's value misspelt", "versions/words.py", '"ReadOnlyMount"', '"ReadonlyMount"'),
    Fault("an enum's value as we write it", "jobs/sweep.py", "value.goal.capitalize()", "value.goal"),
    Fault(
        "a wrong discriminator",
        "jobs/sweep.py",
        '{"jobLimitsType": "Sweep", **',
        '{"jobLimitsType": "Command", **',
    ),
    Fault("a discriminator in another case", "versions/words.py", '"PyTorch"', '"Pytorch"'),
    Fault(
        "two values of an enum swapped", "jobs/sweep.py", '"bandit": "Bandit"', '"bandit": "MedianStopping"'
    ),
    Fault(
        "another version's spelling",
        "versions/spelling.py",
        "if self.api_version == PREVIEW_2022_02",
        "if False",
    ),
    Fault(
        "a first version too early",
        "jobs/spec.py",
        '"queue settings", "2023-10-01"',
        '"queue settings", "2023-04-01"',
    ),
    Fault(
        "a feature that no version lacks",
        "jobs/spec.py",
        "lambda service: service.all_nodes",
        "lambda service: False",
    ),
    # Requests: the search space
    Fault(
        "a distribution's arguments flat",
        "jobs/search_space.py",
        "list(distribution.arguments)]",
        "*distribution.arguments]",
    ),
    Fault(
        "a choice's values once in a list",
        "jobs/search_space.py",
        "[[_encode_value(value) for value in distribution.arguments[0]]]",
        "[_encode_value(value) for value in distribution.arguments[0]]",
    ),
    # Requests: the oldest version
    Fault("a later version's member", "jobs/wire_2021.py", "target=target", "computeId=target"),
    Fault(
        "processes per node, not in all",
        "jobs/wire_2021.py",
        "processCount=total",
        "processCount=value.process_count_per_instance",
    ),
    Fault("a word in another case", "assets/data.py", '"datasetType": "Simple"', '"datasetType": "simple"'),
    Fault("a binding by another name", "jobs/wire_2021.py", '{"dataId": value.uri', '{"dataUri": value.uri'),
    Fault("a literal that is not quoted", "jobs/wire_2021.py", "shlex.quote(value.value)", "value.value"),
    Fault(
        "a parameter's flag without dashes",
        "jobs/wire_2021.py",
        'found[0]["flag"] if found',
        'found[0]["flag"].strip("-") if found',
    ),
    # Paths and queries
    Fault("a wrong path", "assets/operations.py", '/startPendingUpload"', '/pendingUpload"'),
    Fault(
        "a wrong query parameter",
        "assets/operations.py",
        '"hashVersion": HASH_VERSION',
        '"hash_version": HASH_VERSION',
    ),
    Fault(
        "a query's value in another case",
        "workspace/operations.py",
        '{"isDefault": "true"}',
        '{"isDefault": "True"}',
    ),
    Fault("a parameter without its dollar", "assets/operations.py", '"$orderBy"', '"orderBy"'),
    Fault("a body without its envelope", "calls.py", '{"properties": properties})', "properties)"),
    Fault("a wrong method", "jobs/operations.py", '"POST", f"{path}/cancel"', '"PUT", f"{path}/cancel"'),
    Fault("a body where none is allowed", "workspace/operations.py", '/listSecrets")', '/listSecrets", {})'),
    # Answers
    Fault("null members of a map kept", "versions/words.py", "if member is not None}", "}"),
    Fault("a null output", "jobs/wire.py", "_read_output(value or {})", "_read_output(value)"),
    Fault("a null map", "versions/words.py", "in (value or {}).items()", "in value.items()"),
    Fault(
        "an answer's member renamed",
        "workspace/resources.py",
        'fields.get("containerName")',
        'fields.get("container")',
    ),
    Fault(
        "another member read",
        "jobs/wire.py",
        '"compute": properties.get("computeId")',
        '"compute": properties.get("componentId")',
    ),
    Fault(
        "an answer's word kept as it is",
        "jobs/wire.py",
        'str(objective["goal"]).lower()',
        'str(objective["goal"])',
    ),
    Fault("a link that is never found", "jobs/wire.py", '.get("Studio")', '.get("studio")'),
    Fault(
        "conda that is only JSON",
        "assets/environment.py",
        'parsed = yaml.safe_load(text or "")',
        "parsed = None",
    ),
    Fault(
        "the default for what is there",
        "assets/environment.py",
        'properties.get("osType") or "Linux"',
        '"Linux"',
    ),
    Fault(
        "a name out of the wrong place",
        "versions/words.py",
        "*_, name, _, version =",
        "*_, _, name, version =",
    ),
    Fault("a status that is lost", "jobs/wire.py", 'properties.get("status") or "Unknown"', '"Unknown"'),
)
