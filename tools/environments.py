"""Create the Python environments of the project. Needs only the standard library of Python 3.11 or newer.

``python -m tools.environments .venv`` creates Airflow 3.3 with the provider, the emulator and the development
tools, all at the versions of ``constraints/``. ``.venv-airflow-2.11`` and ``.venv-airflow-3.1`` are the same
for these versions. ``.venv-celery`` is the first with Celery and PostgreSQL's client, ``.venv-ui`` the first
with a browser's driver, and ``.venv-azure-ai-ml`` has Microsoft's own client and nothing of this project. An
environment is created again only if its sources have changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAIN = ".venv"
CELERY = ".venv-celery"
UI = ".venv-ui"
AZURE_AI_ML = ".venv-azure-ai-ml"
CONSTRAINTS = {
    MAIN: "airflow-3.3.txt",
    ".venv-airflow-2.11": "airflow-2.11.txt",
    ".venv-airflow-3.1": "airflow-3.1.txt",
    CELERY: "airflow-3.3.txt",
    UI: "airflow-3.3.txt",
    AZURE_AI_ML: "azure-ai-ml.txt",
}
# The chart library that an installation fetches.
CHARTS = "airflow_provider_amlrest/plugin/static/package-lock.json"
GROUPS = {CELERY: ["celery"], UI: ["ui"]}
# Airflow 2.11 does not support newer ones.
PYTHON_OF_OTHERS = ">=3.11,<3.13"


def make(name: str) -> None:
    """Create the environment unless it is up to date."""
    folder, constraints = ROOT / name, ROOT / "constraints" / CONSTRAINTS[name]
    stamp, fingerprint = folder / ".stamp", _fingerprint(constraints)
    if stamp.exists() and stamp.read_text() == fingerprint and (folder / "bin" / "python").exists():
        return
    print(f"Making {name} with the versions of constraints/{constraints.name} ...", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    if name == MAIN:
        _check_venv()
        _run(sys.executable, "-m", "venv", str(folder))
        pip = (
            str(folder / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        )
        _run(*pip, "--constraint", str(constraints), "uv")
    else:
        make(MAIN)
        # uv finds such a Python on this machine, or downloads one.
        _run(_uv(), "venv", "--quiet", "--python", PYTHON_OF_OTHERS, str(folder))
    if name == AZURE_AI_ML:
        _pip_install(folder, "--requirements", str(constraints))
    else:
        _install(folder, constraints, "dev", *GROUPS.get(name, []))
    stamp.write_text(fingerprint)


def _install(folder: Path, constraints: Path, *groups: str) -> None:
    """Install the provider from this checkout, Airflow, and everything else at the pinned versions."""
    _pip_install(
        folder,
        *("--constraints", str(constraints), "--build-constraints", str(constraints)),
        *(option for group in groups for option in ("--group", f"{ROOT / 'pyproject.toml'}:{group}")),
        *("--editable", f"{ROOT}[emulator]"),
        "apache-airflow",
    )


def _pip_install(folder: Path, *what: str) -> None:
    python = str(folder / "bin" / "python")
    _run(_uv(), "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *what)


def _fingerprint(constraints: Path) -> str:
    """Changes whenever the environment must be created again."""
    project = ("setup.cfg", "setup.py", "pyproject.toml", CHARTS)
    sources = (constraints, *(ROOT / name for name in project), Path(__file__))
    digest = hashlib.sha256(f"{sys.version} {ROOT}".encode())
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _check_venv() -> None:
    if find_spec("venv") is None or find_spec("ensurepip") is None:
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        raise SystemExit(
            f"{sys.executable} cannot create virtual environments: it has no venv or ensurepip module.\n"
            f"On Debian and Ubuntu: apt-get install {package}"
        )


def _uv() -> str:
    return str(ROOT / MAIN / "bin" / "uv")


def _run(*command: str) -> None:
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))
    }
    try:
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"Failed, exit code {error.returncode}: {' '.join(command)}") from None


if __name__ == "__main__":
    for environment_name in sys.argv[1:]:
        make(environment_name)
