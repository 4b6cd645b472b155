"""Runs a DAG's function in a job: ``python run_function.py``. It travels with the function, as it is.

It needs Python 3.8 and nothing else, for it runs in the job's environment. Beside it lie ``function.json``
(which function, of which file, from which line on), its source, ``arguments.json``, and ``requirements.txt``
if there are packages to install. What the function returned, or why it failed, is left below ``outputs``.
"""

from __future__ import annotations
import __future__

import asyncio
import inspect
import json
import linecache
import math
import os
import site
import subprocess
import sys
import tempfile
import time
import traceback
import venv
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FUNCTION = "function.json"
SOURCE = "function_source.txt"
"""No ``.py``: it may be indented, and is compiled under the name of the DAG's file."""
ARGUMENTS = "arguments.json"
REQUIREMENTS = "requirements.txt"
VALUE = "outputs/airflow/return_value.json"
FAILURE = "outputs/airflow/failure.txt"
INSTALLED = "--installed"
INDENTED = "if True:\n"
"""What stands in the line before an indented source: its strings stay as they are."""
MAX_DEPTH = 100


class NotJSONError(TypeError):
    """A value that JSON cannot carry."""


def main() -> None:
    folder, file = Path(__file__).resolve().parent, ""
    # The service keeps what is here, wherever the function goes.
    kept = Path.cwd()
    # A print and what follows it on the other stream stay in their order.
    stdout: Any = sys.stdout
    stdout.reconfigure(line_buffering=True)
    try:
        if (folder / REQUIREMENTS).exists() and INSTALLED not in sys.argv:
            _run_again_with_packages(folder / REQUIREMENTS)
        what = json.loads((folder / FUNCTION).read_text("utf-8"))
        file = what["file"]
        arguments = json.loads((folder / ARGUMENTS).read_text("utf-8"))
        arguments.update(_paths(what["paths"]))
        value = _run(what, (folder / SOURCE).read_text("utf-8"), arguments)
        if all(os.environ.get(rank, "0") == "0" for rank in ("RANK", "OMPI_COMM_WORLD_RANK")):
            # In a distributed job, the first process's counts.
            _write(kept / VALUE, value)
    except Exception as error:
        _write(kept / FAILURE, _report(error, file))
        sys.exit(1)


def _run(what: Mapping[str, Any], source: str, arguments: Mapping[str, Any]) -> str:
    """What the function returned, as JSON."""
    function = load(source, what["file"], what["line"], what["name"])
    # Defaults are the function's own; what comes after one that is left out goes by name.
    bound = inspect.BoundArguments(inspect.signature(function), dict(arguments))
    value = function(*bound.args, **bound.kwargs)
    if inspect.iscoroutine(value):
        value = asyncio.run(value)
    return to_json(value, f"what {what['name']} returned")


def load(source: str, file: str, line: int, name: str) -> Any:
    """The function of this source, which in its file begins in this line: tracebacks show that."""
    lines = ["\n"] * (line - 1) + source.splitlines(keepends=True)
    linecache.cache[file] = (len(source), None, lines, file)
    namespace: dict[str, Any] = {"__name__": "__main__", "__file__": file}
    exec(compile_source(source, file, line), namespace)  # noqa: S102
    return namespace[name]


def compile_source(source: str, file: str, line: int) -> Any:
    """The code of a function's source. Annotations are not looked at: what they name may not be there."""
    before = INDENTED if source[:1].isspace() else ""
    padded = "\n" * (line - 1 - bool(before)) + before + source
    return compile(padded, file, "exec", flags=__future__.annotations.compiler_flag, dont_inherit=True)


def to_json(value: Any, name: str) -> str:
    """A value as JSON.

    :param name: what the value is called in an error.
    :raises NotJSONError: says which part of it JSON cannot carry, and what to do.
    """
    try:
        text = json.dumps(_plain(value, name, 0), ensure_ascii=False, allow_nan=False)
        text.encode()  # A lone surrogate would not fit into a file.
        return text
    except (TypeError, ValueError) as error:
        if isinstance(error, NotJSONError):
            raise
        raise NotJSONError(f"{name} cannot be written as JSON: {error}") from None


def _plain(value: Any, name: str, depth: int) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise NotJSONError(f"{name} is {value}, which JSON cannot carry: use None or a text instead.")
    if depth > MAX_DEPTH:
        raise NotJSONError(f"{name} lies more than {MAX_DEPTH} levels deep; does it contain itself?")
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise NotJSONError(f"{name} has the key {key!r}, but in JSON keys are text: str({key!r}).")
        return {str(key): _plain(member, f"{name}[{key!r}]", depth + 1) for key, member in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [_plain(member, f"{name}[{index}]", depth + 1) for index, member in enumerate(value)]
    kind = f"{type(value).__module__}.{type(value).__qualname__}".replace("builtins.", "")
    raise NotJSONError(
        f"{name} is of type {kind}, which JSON cannot carry: make text, numbers, booleans, None, lists and "
        "mappings of it (isoformat(), item(), tolist()), or write a file to an output of the job, "
        'outputs={"table": "uri_folder"}, whose path a parameter named table has.'
    )


def _paths(names: Sequence[str]) -> dict[str, str]:
    """The paths of inputs and outputs, which the command gives line by line.

    In api-version 2021-03-01-preview as variables, which no shell has replaced here.
    """
    lines = [line.partition("=") for line in sys.stdin.read().splitlines()] if names else []
    known = {f"${name}": value for name, value in os.environ.items() if name.startswith("AZURE_ML_")}
    return {name: known.get(path, path) for name, _, path in lines if name in names}


def _run_again_with_packages(requirements: Path) -> None:
    """Install packages beside the environment, which other jobs may share, and start anew with both.

    A virtual environment that sees what the environment has: only what is missing there is installed.
    """
    wanted, started = requirements.read_text("utf-8").split("\n"), time.monotonic()
    print(f"Installing packages: {', '.join(filter(None, wanted))}")  # noqa: T201
    folder = Path(tempfile.mkdtemp(prefix="packages-"))
    has_pip = find_spec("pip") is not None
    venv.EnvBuilder(symlinks=os.name != "nt", with_pip=not has_pip).create(folder)
    [packages] = folder.glob("lib/python*/site-packages")
    places = [*site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
    seen = [f"import site; site.addsitedir({place!r})" for place in places]
    (packages / "environment.pth").write_text("\n".join(seen) + "\n", "utf-8")
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    # What the command gives on stdin is the function's.
    done = subprocess.run([*pip, "-r", str(requirements)], stdin=subprocess.DEVNULL, check=False)  # noqa: S603
    if done.returncode != 0:
        raise RuntimeError(f"packages: pip could not install them; it exited with code {done.returncode}.")
    print(f"Packages are installed after {time.monotonic() - started:.0f} s.")  # noqa: T201
    os.environ["PATH"] = f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    os.execv(python, [python, __file__, INSTALLED])  # noqa: S606


def _report(error: Exception, file: str) -> str:
    """Print the traceback from the function on; the error in a line, for the task."""
    frames, place = error.__traceback__, ""
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    if isinstance(error, NotJSONError):
        print(error, file=sys.stderr)  # noqa: T201
        return str(error)
    traceback.print_exception(type(error), error, frames)
    for frame in traceback.extract_tb(frames):
        if frame.filename == file:
            place = f" ({frame.name}, line {frame.lineno} of {file})"
    return "".join(traceback.format_exception_only(type(error), error)).strip() + place


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, "utf-8", errors="replace")


if __name__ == "__main__":
    main()
