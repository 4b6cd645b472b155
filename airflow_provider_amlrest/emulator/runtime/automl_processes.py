"""AutoML that really trains, in the runtimes ``venv`` and ``host``: what its runs are asked for, and say."""

from __future__ import annotations

import asyncio
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import ResourceNotFoundError

from airflow_provider_amlrest.emulator.config import ARTIFACT_CONTAINER
from airflow_provider_amlrest.emulator.runtime.automl_candidates import CANDIDATES, candidates
from airflow_provider_amlrest.emulator.runtime.errors import JobError

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.runtime.automl_children import Children
    from airflow_provider_amlrest.emulator.runtime.context import JobContext

PACKAGES = Path(__file__).with_name("in_job")
PLAN = "AMLREST_EMULATOR_AUTOML"
"""Variable in which a run gets what it is to do, as JSON."""
NOT_TRAINED = ("Forecasting",)
DATA = {"trainingData": "training_data", "validationData": "validation_data"}
"""Member of a task -> name of the runs' input."""


class Processes:
    """A setup run, which looks at data and environment, then a run per algorithm."""

    def __init__(self, context: JobContext, children: Children) -> None:
        self._context = context
        self._children = children
        self._details: dict[str, Any] = context.properties["taskDetails"]

    async def candidates(self) -> list[str]:
        task = self._details["taskType"]
        if task in NOT_TRAINED:
            raise JobError(
                f"{task} is not emulated where jobs really run: start the emulator with --runtime simulated.",
                "NotEmulated",
            )
        asked_for = candidates(self._details)
        name = f"{self._context.job.name}_setup"
        properties = self._properties({"algorithms": CANDIDATES[task]})
        setup = await self._children.run(name, properties, {"runTemplate": "automl_setup"})
        if setup.status != "Completed":
            raise JobError((setup.error or {}).get("message") or f"{name} is {setup.status}.")
        missing = (await self._result(name)).get("missing") or {}
        return candidates(self._details, missing) if missing else asked_for

    def properties(self, algorithm: str) -> dict[str, Any]:
        return self._properties({"algorithm": algorithm})

    async def metrics(self, trial: str) -> dict[str, float]:
        found = (await self._result(trial)).get("metrics") or {}
        return {str(name): float(value) for name, value in found.items()}

    def _properties(self, wanted: dict[str, Any]) -> dict[str, Any]:
        details = self._details
        plan = {
            **wanted,
            "task": details["taskType"],
            "target": details["targetColumnName"],
            # Columns that say something of the rows, and nothing of what is to be predicted.
            "set_aside": [
                *filter(None, [details["weightColumnName"]]),
                *(details["cvSplitColumnNames"] or ()),
            ],
            "folds": (details["nCrossValidations"] or {}).get("value"),
            "held_out": details["validationDataSize"],
            "cores": details["limitSettings"]["maxCoresPerTrial"],
        }
        own = self._context.properties.get("environmentVariables") or {}
        return {
            "command": f"PYTHONPATH={shlex.quote(str(PACKAGES))}:$PYTHONPATH python -m automl",
            "environmentVariables": {**own, PLAN: json.dumps(plan)},
            "inputs": {
                name: {"jobInputType": "mltable", "uri": details[member]["uri"], "mode": "Download"}
                for member, name in DATA.items()
                if details[member]
            },
        }

    async def _result(self, run: str) -> dict[str, Any]:
        """What a run has written down; nothing if it has not."""
        path = f"ExperimentRun/dcid.{run}/outputs/automl.json"
        blob = self._context.services.blobs.service.get_blob_client(ARTIFACT_CONTAINER, path)

        def read() -> bytes:
            return bytes(blob.download_blob().readall())

        try:
            return dict(json.loads(await asyncio.to_thread(read)))
        except ResourceNotFoundError:
            return {}
