"""The run itself: see the package."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from .columns import training_table
from .errors import TrialError, say
from .models import missing_algorithms
from .training import train


def main() -> None:
    plan = json.loads(os.environ["AMLREST_EMULATOR_AUTOML"])
    try:
        require("sklearn", "scikit-learn")
        require("yaml", "PyYAML")
        result = setup(plan) if "algorithms" in plan else train(plan)
    except TrialError as error:
        sys.exit(str(error))
    outputs = Path("outputs")
    outputs.mkdir(exist_ok=True)
    text = json.dumps(result, indent=2)
    (outputs / "automl.json").write_text(text)
    say(text)


def setup(plan: dict[str, Any]) -> dict[str, Any]:
    """Whether this can be tried at all, and which algorithms cannot."""
    table = training_table(plan)
    missing = missing_algorithms(plan["task"], plan["algorithms"])
    return {"rows": table.rows, "columns": list(table.columns), "missing": missing}


def require(module: str, package: str) -> None:
    try:
        __import__(module)
    except ImportError as error:
        raise TrialError(
            f"AutoML needs {package}, which is not installed in the job's environment ({error}). Name it in "
            "the conda file of the job's environmentId or, with --runtime host, install it beside the "
            "emulator."
        ) from None


if __name__ == "__main__":
    main()
