"""What an environment version asks for, read from its conda file: the part that pip can install."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from dataclasses import dataclass
from typing import Any

import yaml

from airflow_provider_amlrest.emulator.runtime.errors import JobError

_SAME_NAME = """
    beautifulsoup4 catboost click cloudpickle cython dask fastapi flask fsspec h5py imbalanced-learn
    ipykernel ipython jinja2 joblib jsonschema keras lightgbm matplotlib mlflow mlflow-skinny
    networkx nltk numba numpy onnx onnxruntime openpyxl optuna packaging pandas pillow plotly polars
    protobuf psutil pyarrow pydantic pytest python-dateutil pyyaml requests scikit-image
    scikit-learn scipy seaborn setuptools shap sqlalchemy statsmodels sympy tabulate tensorboard
    tensorflow torchvision tqdm transformers typing-extensions wheel xgboost
"""
PIP_NAMES = {name: name for name in _SAME_NAME.split()} | {
    "pytorch": "torch",
    "py-xgboost": "xgboost",
    "matplotlib-base": "matplotlib",
    "dask-core": "dask",
}
"""Conda packages and their names on pip's side."""

_PACKAGE = re.compile(r"^(?:[\w./-]+::)?(?P<name>[A-Za-z0-9][\w.-]*)\s*(?P<version>.*)$")
_PYTHON = ".".join(map(str, sys.version_info[:3]))


@dataclass(frozen=True)
class EnvironmentSpec:
    """Requirements for pip, and what to tell the reader of the build log."""

    requirements: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Equal for environments that would be built alike: by content, not by name or version."""
        content = {"requirements": self.requirements, "python": _PYTHON, "platform": sys.platform}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def read_conda_file(text: str | None) -> EnvironmentSpec:
    """Read a conda file, YAML or JSON; none at all means a bare Python.

    :raises JobError: it is no conda file, or asks for a package that pip does not have.
    """
    try:
        content = yaml.safe_load(text or "") or {}
    except yaml.YAMLError as error:
        raise JobError(f"The environment's condaFile is no YAML: {error}", "InvalidCondaFile") from None
    dependencies = (content.get("dependencies") or []) if isinstance(content, dict) else None
    if not isinstance(dependencies, list):
        raise JobError(
            "The environment's condaFile must be a mapping with a list of dependencies.", "InvalidCondaFile"
        )
    requirements: list[str] = []
    notes: list[str] = []
    for dependency in dependencies:
        if isinstance(dependency, dict):
            requirements += _pip_section(dependency)
        else:
            _conda_package(str(dependency), requirements, notes)
    return EnvironmentSpec(tuple(requirements), tuple(notes))


def _pip_section(dependency: dict[str, Any]) -> list[str]:
    lines = dependency.get("pip")
    if (
        set(dependency) != {"pip"}
        or not isinstance(lines, list)
        or not all(isinstance(x, str) for x in lines)
    ):
        raise JobError(
            f"The environment's condaFile has the dependency {dependency!r}; "
            "only {pip: [requirement, ...]} is known.",
            "InvalidCondaFile",
        )
    return lines


def _conda_package(dependency: str, requirements: list[str], notes: list[str]) -> None:
    match = _PACKAGE.match(dependency.strip())
    name = match["name"].lower() if match else ""
    version = _pip_version(match["version"]) if match else ""
    if name == "python":
        asked = version.removeprefix("==").removesuffix(".*")
        if asked and not f"{_PYTHON}.".startswith(f"{asked}."):
            notes.append(f"Asked for {dependency}; the emulator uses this machine's Python {_PYTHON}.")
    elif name in PIP_NAMES:
        requirements.append(f"{PIP_NAMES[name]}{version}")
        notes.append(f"Conda package {dependency} is installed by pip as {requirements[-1]}.")
    elif name != "pip":
        raise JobError(
            f"The environment's condaFile asks for the conda package {dependency!r}. The emulator builds "
            "environments with pip and does not know it by a pip name: move it into the pip section.",
            "ImageBuildFailure",
        )


def _pip_version(conda: str) -> str:
    """``=1.2`` and `` 1.2`` mean 1.2 and what follows; ``==1.2``, ``>=1,<2`` mean the same to pip."""
    constraint = conda.strip()
    if constraint.startswith("=") and not constraint.startswith("=="):
        return _fuzzy(constraint[1:])
    if constraint[:1].isdigit():
        return _fuzzy(constraint)
    return constraint


def _fuzzy(version: str) -> str:
    # "1.2=py311_0" and "1.2 py311_0" name a build, which only conda has.
    number = re.split(r"[=\s]", version)[0]
    return f"=={number}" if number.endswith("*") else f"=={number}.*"
