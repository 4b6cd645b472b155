"""What a deployment's container has logged, and how it got there, for ``getLogs``."""

from __future__ import annotations

import json
from pathlib import Path

from airflow_provider_amlrest.emulator.store import utc_now

STAGES = ("SystemSetup", "UserContainerImagePull", "ModelDownload", "UserContainerStart")
"""As recorded, in their order."""


def deployment_folder(data_dir: Path, workspace: str, path: str) -> Path:
    """The files of a deployment; ``path`` is its own below the workspace."""
    _, endpoint, _, deployment = path.lower().split("/")
    return data_dir / "serving" / workspace / endpoint / deployment


class ContainerLog:
    """The log of the newest container of a deployment.

    :param folder: the deployment's, see :func:`deployment_folder`.
    """

    def __init__(self, folder: Path) -> None:
        self._facts = folder / "container.json"
        self._output = folder / "container.log"

    def begin(self, output: Path) -> None:
        """A new container, which writes to ``output``."""
        self._output = output
        self._write({}, [])

    def stage(self, name: str, status: str) -> None:
        stages, events = self._read()
        self._write({**stages, name: status}, events)

    def event(self, name: str, message: str, kind: str = "Normal") -> None:
        stages, events = self._read()
        line = f"Kind: Pod, Name: {name}, Type: {kind}, Time: {_now()}, Message: {message}"
        self._write(stages, [*events, line])

    def text(self, tail: int | None) -> str:
        """As ``getLogs`` answers it; ``tail``: how many lines of the container at most."""
        stages, events = self._read()
        known = [f"{stage}: {stages[stage]}" for stage in STAGES if stage in stages]
        output = self._output.read_text(errors="replace") if self._output.exists() else ""
        lines = output.splitlines()
        shown = lines[len(lines) - tail :] if tail is not None and tail < len(lines) else lines
        parts = ["Instance status:", *known, "", "Container events:", *events, "", "Container logs:", *shown]
        return "\n".join(parts) + "\n"

    def _read(self) -> tuple[dict[str, str], list[str]]:
        if not self._facts.exists():
            return {}, []
        facts = json.loads(self._facts.read_text())
        self._output = Path(facts["output"])
        return facts["stages"], facts["events"]

    def _write(self, stages: dict[str, str], events: list[str]) -> None:
        self._facts.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = {"output": str(self._output), "stages": stages, "events": events}
        # Read by another thread: whole, or as it was.
        new = self._facts.with_suffix(".new")
        new.write_text(json.dumps(facts))
        new.replace(self._facts)


def _now() -> str:
    return utc_now().replace("+00:00", "Z")
