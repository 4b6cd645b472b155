"""Why a job failed, and what to do: one table, against which the documentation and the tests are checked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Cause:
    """Something that jobs fail of, known by words in the service's message or at the end of the job's log.

    Microsoft documents none of these texts. They are those of the tools that write them (Python, CUDA, conda,
    pip, Docker), or of the service as recordings and public issues quote it.
    """

    name: str
    """In a few words, as docs/errors.md lists it."""
    words: str
    """Regular expression; its named groups go into ``problem``. It takes linear time, whatever a job logs."""
    problem: str
    advice: str
    in_log: bool = True
    """False: only in the service's own message, as a script may write the words for another reason."""


class Diagnosis(NamedTuple):
    """What a job failed of."""

    problem: str
    """One sentence."""
    advice: str
    """What to do; may be empty."""
    evidence: str
    """The lines that say so, as the service or the job wrote them."""


_EXIT = r"(?i:\bexit(?:ed with)?(?: status)? code:?|\breturned a non-zero code:) *"
_MEMORY = "Load less at once, or choose a VM size with more memory."
_SEARCHED = 20_000
"""Characters of a message and of a log that are searched, from the end."""

# The first one that fits wins: what explains the end comes before the exit code that it leads to.
CAUSES = (
    # The node
    Cause(
        "pre-emption",
        r"PreemptionError|[Pp]re-?empt(?:ed|ion)\b",
        "The node was pre-empted: Azure took a low-priority node back.",
        "Retry it; let the script resume from checkpoints, or use a cluster with tier dedicated.",
        in_log=False,
    ),
    Cause(
        "node lost",
        r"(?i)\bnode\b[^\n]{0,60}\b(?:unusable|unhealthy|lost|went down|unexpectedly (?:stopped|rebooted))\b",
        "The node failed, not the job.",
        "Retry it. If it happens again, ask Microsoft's support with the job's name.",
        in_log=False,
    ),
    # The compute
    Cause(
        "quota",
        r"ClusterCoreQuotaReached|JobNodeCountExceedsCoreQuota|QuotaExceeded|vCPU quota|"
        r"exceed\w* (?:\w+ ){0,4}quota",
        "The subscription's quota has no room for the nodes.",
        "Request more cores (low-priority cores count separately), wait, or choose another VM size.",
        in_log=False,
    ),
    Cause(
        "compute not usable",
        r"(?i)\bcompute\b[^\n]{0,100}\b(?:is stopped|stopped state|is disabled|was deleted|is being deleted|"
        r"not found|does not exist)\b|ComputeTargetNotFound",
        "The compute is stopped, disabled or gone.",
        "Start or create it, or choose another one.",
        in_log=False,
    ),
    # The image
    Cause(
        "no such image",
        r"(?i)manifest unknown|manifest for \S+ not found|pull access denied|repository does not exist|"
        r"\b(?:Err)?ImagePull(?:BackOff)?\b|failed to pull (?:docker )?image",
        "The container's image cannot be pulled: there is none of this name and tag, or no right to read it.",
        "Check name and tag, and that the workspace's identity has the role AcrPull on the registry.",
    ),
    Cause(
        "conda conflict",
        r"(?:ResolvePackageNotFound|PackagesNotFoundError|UnsatisfiableError)[^\n]*"
        r"(?:(?:\n[ \t]*)+(?:[-─├└│]|The following)[^\n]*)*",
        "conda finds no versions that fit together, or no such package.",
        "Correct the conda file: look at the packages that it names here, and loosen their versions.",
    ),
    Cause(
        "pip conflict",
        r"ResolutionImpossible|No matching distribution found for |Could not find a version that satisfies ",
        "pip finds no versions that fit together, or no such package.",
        "Correct the requirements: name and version must exist for the environment's version of Python.",
    ),
    # The data
    Cause(
        "input missing",
        r"\bStreamAccess\.NotFound\b|\bDataAccessError\(NotFound\)|\bThe requested stream was not found\b|"
        r"\bBlobNotFound\b|\bPathNotFound\b",
        "An input's path does not exist.",
        "Check datastore and path of the inputs, and whether what writes them has run.",
    ),
    Cause(
        "storage refused",
        r"\b(?:StreamAccess|WriteStreams)\.Authentication\b|\bAuthorizationPermissionMismatch\b|\bPermissionDenied\(|"
        r"\bDataAccessError\(PermissionDenied\b|This request is not authorized to perform this operation",
        "The storage refuses the job's identity.",
        "Give the job's identity the role Storage Blob Data Contributor (to read: Reader), or check the "
        "datastore's credentials and firewall.",
    ),
    # Memory and disk
    Cause(
        "GPU out of memory",
        r"CUDA out of memory|CUDA_ERROR_OUT_OF_MEMORY|\bcuda\.OutOfMemoryError|CUDNN_STATUS_ALLOC_FAILED|"
        r"CUBLAS_STATUS_ALLOC_FAILED|OOM when allocating tensor",
        "The GPU ran out of memory.",
        "Use smaller batches, mixed precision or gradient accumulation, or GPUs with more memory.",
    ),
    Cause(
        "disk full",
        r"No space left on device|\bENOSPC\b",
        "The node's disk is full.",
        "Mount inputs instead of downloading them, write to outputs, or choose a VM size with a larger disk.",
    ),
    Cause(
        "out of memory",
        r"\bMemoryError\b|\bDefaultCPUAllocator: (?:can't|not enough)|\bUnable to allocate [\d.]+ [KMGTP]iB",
        "The node's memory did not suffice.",
        _MEMORY,
    ),
    Cause(
        "killed",
        rf"{_EXIT}(?:137|-9)\b|\bOOMKilled\b|\bOut of memory: Kill|\bSIGKILL\b",
        "The process was killed (SIGKILL), most likely because the node ran out of memory.",
        _MEMORY,
    ),
    # The script
    Cause(
        "no such module",
        r"(?:ModuleNotFoundError|ImportError): No module named '?(?P<module>[\w.]+)'?",
        "The environment has no module {module}.",
        "Add its package to the environment's conda file, or the file to code.",
    ),
    Cause(
        "no such script",
        r"can't open file '(?P<script>[^'\n]+)': \[Errno 2\]",
        "There is no script {script}.",
        "Commands run in the folder that code names: check code, and the path in the command.",
    ),
    Cause(
        "no such program",
        r"sh: (?:line )?(?:\d+: )?(?P<program>[^\s:]+): (?:command )?not found\b",
        "The environment has no program {program}.",
        "Correct the command, or install the program in the environment.",
    ),
)

SIGNALS = {
    6: "SIGABRT: a library gave up",
    7: "SIGBUS: often too little shared memory, see shm_size",
    8: "SIGFPE",
    11: "SIGSEGV: a crash in native code",
    15: "SIGTERM: something asked it to end",
}
"""Signals that end processes, by number; SIGKILL is among the causes."""

_RAISED = re.compile(
    # Not always at the beginning of a line: the service's message has it after "Error: ".
    r"\bTraceback \(most recent call last\):\n(?P<frames>(?:[ \t].*\n|\n)+)"
    r"(?P<error>[A-Za-z_][\w.]*)(?P<said>: .*)?$",
    re.MULTILINE,
)
_FRAME = re.compile(r'^ *File "(?P<file>[^"\n]+)", line (?P<line>\d+)', re.MULTILINE)
_CODE = re.compile(rf"{_EXIT}(?P<code>-?\d+)\b")


def diagnose(message: str, log_end: str) -> Diagnosis | None:
    """What a job failed of; None: nothing is recognised.

    :param message: code and message of the service's error.
    :param log_end: the last lines of the job's log, or of its image's build; some messages have them too.
    """
    message = message[-_SEARCHED:].replace("\r\n", "\n")
    text = f"{message}\n{log_end[-_SEARCHED:]}".replace("\r\n", "\n")
    return _of_table(message, text) or _of_python(text) or _of_exit_code(text)


def _of_table(message: str, text: str) -> Diagnosis | None:
    for cause in CAUSES:
        searched = text if cause.in_log else message
        if found := re.search(cause.words, searched):
            evidence = _whole_lines(searched, found)
            return Diagnosis(cause.problem.format(**found.groupdict()), cause.advice, evidence)
    return None


def _whole_lines(text: str, found: re.Match[str]) -> str:
    end = text.find("\n", found.end())
    return text[text.rfind("\n", 0, found.start()) + 1 : None if end < 0 else end].strip()


def _of_python(text: str) -> Diagnosis | None:
    """The exception that was not caught, and the last line of the user's own code that it came through."""
    raised = _last(_RAISED.finditer(text))
    if raised is None:
        return None
    own = [frame for frame in _FRAME.finditer(raised["frames"]) if "-packages/" not in frame["file"]]
    frame = _last(iter(own))
    place = f" in line {frame['line']} of {frame['file'].rpartition('/')[2]}" if frame else ""
    error = f"{raised['error']}{raised['said'] or ''}"
    return Diagnosis(f"The script raised {raised['error']}{place}.", "", error)


def _of_exit_code(text: str) -> Diagnosis | None:
    found = _last(_CODE.finditer(text))
    if found is None:
        return None
    code = int(found["code"])
    number = -code if code < 0 else code - 128
    if number in SIGNALS:
        return Diagnosis(f"The process was ended by signal {number} ({SIGNALS[number]}).", "", found[0])
    return Diagnosis(f"The command ended with exit code {code}.", "", found[0])


def _last(found: Iterator[re.Match[str]]) -> re.Match[str] | None:
    last = None
    for match in found:
        last = match
    return last
