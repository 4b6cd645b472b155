"""Deliberate faults in what goes over the wire: the contract tests must catch each of them.

``make mutation`` copies the project to a temporary folder, puts one fault at a time into the copy, and runs
the contract tests on it. A fault that they do not notice survives, and the run fails. Microsoft's reference
data must be there, as the contract tests are nothing without it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT.parent / "shared"
REST = "airflow_provider_amlrest/rest"
COPIED = ("airflow_provider_amlrest", "tests", "tools", "pyproject.toml")

# The quick ones first; what a person writes and what the emulator answers is not about codecs.
TESTS = [
    f"tests/contract/test_{name}.py"
    for name in (
        "recorded_requests",
        "recorded_answers",
        "example_jobs",
        "paths",
        "examples",
        "requests",
    )
]
PYTEST = ("-x", "-q", "--tb=no", "-rf", "-p", "no:cacheprovider", "--hypothesis-profile=first")
CAUGHT = re.compile(r"^FAILED (?P<test>tests/contract/.+?) - (?P<why>.+)$", re.MULTILINE)
BY_A_CHECK = re.compile(
    r"assert |[\w.]*(AssertionError|ValidationError|InvalidSpecError|ISO8601Error|Failed)\b"
)
"""How a failure begins that a test or a schema found, and not a crash on the way there."""


@dataclass(frozen=True)
class Fault:
    """``old`` becomes ``new``; it is in its file exactly once."""

    what: str
    file: str
    old: str
    new: str

    def source(self, root: Path) -> str:
        """The file with the fault in it."""
        text = (root / REST / self.file).read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"{self.what}: {self.old!r} is {text.count(self.old)} times in {self.file}")
        return text.replace(self.old, self.new)


V2, OLD, COMMON = "codecs/v2.py", "codecs/preview_2021_03.py", "versions/words.py"
FEATURES, SPACE = "versions/features.py", "jobs/search_space.py"
ASSETS, JOBS = "assets/operations.py", "jobs/operations.py"
CALL, WORKSPACE = "http/call.py", "workspace/operations.py"

FAULTS = (
    # Requests: names, nesting, types
    Fault("a renamed member", V2, "environmentVariables=dict(", "envVariables=dict("),
    Fault("a name in another case", V2, "dataUri=data.uri", "dataURI=data.uri"),
    Fault("a member at the wrong level", V2, '{"jobTier": job.job_tier.capitalize()}', "job.job_tier"),
    Fault("a required member missing", V2, "            environmentId=job.environment,\n", ""),
    Fault("one text in another's place", V2, "displayName=job.display_name", "displayName=job.description"),
    Fault("a member lost", V2, "                shmSize=resources.shm_size,\n", ""),
    Fault("a number where a text belongs", V2, '"value": value.value}', '"value": len(value.value)}'),
    Fault("seconds where a duration belongs", COMMON, 'f"PT{-int(-seconds // 1)}S"', "str(seconds)"),
    Fault("a duration rounded down", COMMON, "PT{-int(-seconds // 1)}S", "PT{int(seconds)}S"),
    Fault("a number left out for being 0", COMMON, "if value is not None and value != {}}", "if value}"),
    Fault("the hash's version missing", V2, ', "hash_version": HASH_VERSION}', "}"),
    # Requests: words and kinds
    Fault("an enum's value misspelt", COMMON, '"ReadOnlyMount"', '"ReadonlyMount"'),
    Fault("an enum's value as we write it", COMMON, "value.goal.capitalize()", "value.goal"),
    Fault("a wrong discriminator", V2, '{"jobLimitsType": "Sweep", **', '{"jobLimitsType": "Command", **'),
    Fault("a discriminator in another case", COMMON, '"PyTorch"', '"Pytorch"'),
    Fault("two values of an enum swapped", COMMON, '"bandit": "Bandit"', '"bandit": "MedianStopping"'),
    Fault("another version's spelling", V2, "if self.api_version == PREVIEW_2022_02", "if False"),
    Fault(
        "a first version too early",
        FEATURES,
        '"queue settings", "2023-10-01"',
        '"queue settings", "2023-04-01"',
    ),
    Fault(
        "a feature that no version lacks",
        FEATURES,
        "lambda service: service.all_nodes",
        "lambda service: False",
    ),
    # Requests: the search space
    Fault(
        "a distribution's arguments flat", SPACE, "list(distribution.arguments)]", "*distribution.arguments]"
    ),
    Fault(
        "a choice's values once in a list",
        SPACE,
        "[[_encode_value(value) for value in distribution.arguments[0]]]",
        "[_encode_value(value) for value in distribution.arguments[0]]",
    ),
    # Requests: the oldest version
    Fault("a later version's member", OLD, "target=job.compute", "computeId=job.compute"),
    Fault(
        "processes per node, not in all",
        OLD,
        "processCount=total",
        "processCount=value.process_count_per_instance",
    ),
    Fault("a word in another case", OLD, 'datasetType="Simple"', 'datasetType="simple"'),
    Fault("a binding by another name", OLD, '{"dataId": value.uri', '{"dataUri": value.uri'),
    Fault("a literal that is not quoted", OLD, "shlex.quote(value.value)", "value.value"),
    Fault(
        "a parameter's flag without dashes",
        OLD,
        'found[0]["flag"] if found',
        'found[0]["flag"].strip("-") if found',
    ),
    # Paths and queries
    Fault("a wrong path", ASSETS, '/startPendingUpload"', '/pendingUpload"'),
    Fault("a wrong query parameter", ASSETS, '"hashVersion": HASH_VERSION', '"hash_version": HASH_VERSION'),
    Fault("a query's value in another case", WORKSPACE, '{"isDefault": "true"}', '{"isDefault": "True"}'),
    Fault("a parameter without its dollar", ASSETS, '"$orderBy"', '"orderBy"'),
    Fault("a body without its envelope", CALL, '{"properties": properties})', "properties)"),
    Fault("a wrong method", JOBS, '"POST", f"{path}/cancel"', '"PUT", f"{path}/cancel"'),
    Fault("a body where none is allowed", WORKSPACE, '/listSecrets")', '/listSecrets", {})'),
    # Answers
    Fault("null members of a map kept", COMMON, "if member is not None}", "}"),
    Fault("a null output", V2, "_read_output(value or {})", "_read_output(value)"),
    Fault("a null map", COMMON, "in (value or {}).items()", "in value.items()"),
    Fault("an answer's member renamed", COMMON, 'fields.get("containerName")', 'fields.get("container")'),
    Fault(
        "another member read",
        V2,
        'compute=properties.get("computeId")',
        'compute=properties.get("componentId")',
    ),
    Fault(
        "an answer's word kept as it is", COMMON, 'str(objective["goal"]).lower()', 'str(objective["goal"])'
    ),
    Fault("a link that is never found", V2, '.get("Studio")', '.get("studio")'),
    Fault("conda that is only JSON", COMMON, 'parsed = yaml.safe_load(text or "")', "parsed = None"),
    Fault("the default for what is there", V2, 'properties.get("osType") or "Linux"', '"Linux"'),
    Fault("a name out of the wrong place", COMMON, "*_, name, _, version =", "*_, _, name, version ="),
    Fault("a status that is lost", COMMON, 'properties.get("status") or "Unknown"', '"Unknown"'),
)


def main() -> int:
    """Run the contract tests on every fault, and print what became of it. 1 if one survived."""
    if not REFERENCE.is_dir():
        print(f"There is no reference data at {REFERENCE}: nothing would be checked.")
        return 1
    with tempfile.TemporaryDirectory(prefix="amlrest-mutation-") as folder:
        checkout = copy_project(Path(folder))
        started = time.monotonic()
        failure = run_tests(checkout)
        if failure is not None:
            print(f"The contract tests fail as it is: {failure}")
            return 1
        print(f"Without a fault they pass, in {time.monotonic() - started:.0f} s. With one:\n", flush=True)
        survivors = [fault for fault in FAULTS if not is_caught(checkout, fault)]
    caught, seconds = len(FAULTS) - len(survivors), time.monotonic() - started
    print(f"\n{caught} of {len(FAULTS)} faults are caught ({seconds:.0f} s).")
    return 1 if survivors else 0


def copy_project(folder: Path) -> Path:
    """What the contract tests need, beside the reference data as the original is."""
    checkout = folder / "checkout"
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source, checkout / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules")
            )
        else:
            shutil.copy(source, checkout / name)
    (folder / "shared").symlink_to(REFERENCE)
    return checkout


def is_caught(checkout: Path, fault: Fault) -> bool:
    """Whether a check of the contract tests fails because of the fault; prints which."""
    file = checkout / REST / fault.file
    original = file.read_text()
    file.write_text(fault.source(checkout))
    try:
        failure = run_tests(checkout)
    finally:
        file.write_text(original)
    match = CAUGHT.search(failure or "")
    caught = match is not None and BY_A_CHECK.match(match["why"]) is not None
    test = match["test"].partition("::")[2] if match else failure or "no test fails"
    print(f"{'caught' if caught else 'SURVIVES':9} {fault.what:34} {fault.file:27} {test[:90]}", flush=True)
    return caught


def run_tests(checkout: Path) -> str | None:
    """The end of what pytest says if a test fails; None if all pass."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *PYTEST, *TESTS],
        cwd=checkout,
        # No compiled files: two writes within a second would look the same to Python.
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
    )
    return None if done.returncode == 0 else done.stdout[-3000:]


if __name__ == "__main__":
    sys.exit(main())
