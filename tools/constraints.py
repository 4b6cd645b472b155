"""``make constraints``: pin everything that the environments and the example's training job install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AIRFLOW = {
    "airflow-3.3.txt": ("3.3.2", "dev", "celery", "ui"),
    "airflow-3.1.txt": ("3.1.8", "dev"),
    "airflow-2.11.txt": ("2.11.2", "dev"),
}
AZURE_AI_ML = "1.35.2"
PYTHON = "3.11"  # the oldest supported version; universal pins also hold for newer ones
CONDA_FILE = ROOT / "example_dags" / "lightgbm_iris" / "conda.yml"
GENERATED = "      # What these need, written by `make constraints`.\n"


def compile_pins(requirements: list[str], *options: str) -> str:
    """Resolve requirements to pins, in the format of a requirements file."""
    uv = str(Path(sys.executable).with_name("uv"))
    command = [uv, "pip", "compile", "--quiet", "--no-header", "--python-version", PYTHON, *options, "-"]
    text = "\n".join(requirements)
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def pin_airflow(file: str, version: str, *groups: str) -> None:
    pins = compile_pins(
        [f"apache-airflow=={version}"],
        *("setup.cfg", "--extra", "emulator", "--universal"),
        *(option for group in groups for option in ("--group", f"pyproject.toml:{group}")),
    )
    header = (
        f"# Airflow {version}, the provider, its emulator and the development tools: `make constraints`.\n"
    )
    (ROOT / "constraints" / file).write_text(header + pins)


def pin_azure_ai_ml() -> None:
    pins = compile_pins([f"azure-ai-ml=={AZURE_AI_ML}"], "--universal")
    header = "# Microsoft's own client, for tests and benchmarks against it only: `make constraints`.\n"
    (ROOT / "constraints" / "azure-ai-ml.txt").write_text(header + pins)


def pin_training_job() -> None:
    """Write the pins of the dependencies below the conda file's own packages."""
    own = CONDA_FILE.read_text().partition(GENERATED)[0]
    chosen = [
        line.strip()[2:]
        for line in own.partition("- pip:\n")[2].splitlines()
        if line.strip().startswith("- ")
    ]
    pins = compile_pins(chosen, "--no-annotate").splitlines()
    CONDA_FILE.write_text(own + GENERATED + "".join(f"      - {pin}\n" for pin in pins if pin not in chosen))


if __name__ == "__main__":
    for file_name, (airflow_version, *dependency_groups) in AIRFLOW.items():
        pin_airflow(file_name, airflow_version, *dependency_groups)
    pin_azure_ai_ml()
    pin_training_job()
