"""What the step of a batch deployment runs: its model and its output in their places, then the mini-batches.

Started by path in the job's own Python, so it imports nothing of the package: ``python -I batch_driver.py
SETTINGS``. The mini-batches are the parallel driver's; without an entry script an MLflow model scores them.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PARALLEL_DRIVER = HERE.parent / "parallel_driver.py"
MLFLOW_SCRIPT = HERE / "mlflow_batch.py"


def main() -> None:
    settings = json.loads(sys.argv[1])
    models = Path.cwd().parent / "azureml-models"
    models.mkdir(exist_ok=True)
    # As on the service, the model keeps its name in AZUREML_MODEL_DIR.
    Path(settings["model"]).rename(models / settings["model_name"])
    output = Path(settings["output"])
    folder = output if settings["output_file"] else output.parent
    os.environ["AZUREML_MODEL_DIR"] = str(models)
    os.environ["AZUREML_BI_OUTPUT_PATH"] = str(folder)
    rows = output / settings["output_file"] if settings["output_file"] else output
    script = settings["entry_script"]
    driven = {
        **{name: settings[name] for name in ("input_data", "mini_batch_size", "workers", "max_retries")},
        **{name: settings[name] for name in ("timeout", "error_threshold")},
        "mini_batch_error_threshold": -1,
        "entry_script": script or str(MLFLOW_SCRIPT),
        "append_row_to": str(rows) if settings["append_row"] else None,
    }
    arguments = ["--logging_level", settings["logging_level"]]
    os.execv(  # noqa: S606 (this interpreter, our own script)
        sys.executable, [sys.executable, "-I", str(PARALLEL_DRIVER), json.dumps(driven), *arguments]
    )


if __name__ == "__main__":
    main()
