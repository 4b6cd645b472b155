"""Microsoft's own client, azure-ai-ml, in an environment of its own, pointed at an emulator."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulated import Emulated
from tools.proxy import LoopbackProxy

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-azure-ai-ml" / "bin" / "python"
STEP_SECONDS = 120


class Session:
    """Runs steps of ``session.py`` or another file of steps, each in a process of its own."""

    def __init__(
        self, emulated: Emulated, proxy: LoopbackProxy, folder: Path, steps: str = "session.py"
    ) -> None:
        self.emulated = emulated
        self._steps = Path(__file__).with_name(steps)
        self.proxy = proxy
        self.said = ""
        """Standard output of the last step."""
        self._ready_file = folder / "ready.json"
        self._ready_file.touch(mode=0o600)
        self._ready_file.write_text(json.dumps(emulated.facts))
        endpoint = emulated.facts["arm_endpoint"]
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self._environment = {
            **kept,
            "HOME": str(folder),
            "ARM_CLOUD_METADATA_URL": f"{endpoint}/metadata/endpoints?api-version=2022-09-01",
            "REQUESTS_CA_BUNDLE": emulated.facts["ca_bundle"],
            # For the storage account by its host name, which few machines resolve.
            "HTTPS_PROXY": proxy.url,
            "NO_PROXY": "127.0.0.1",
        }

    def __call__(self, step: str, **arguments: Any) -> Any:
        command = [PYTHON, self._steps, self._ready_file, step]
        done = subprocess.run(
            [*command, json.dumps(arguments)],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
        )
        self.said = done.stdout
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def session(training_emulator: Emulated, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    assert PYTHON.exists(), "make test-sdk makes the environment of azure-ai-ml"
    with LoopbackProxy() as proxy:
        yield Session(training_emulator, proxy, tmp_path_factory.mktemp("sdk"))


@pytest.fixture(scope="module")
def simulated(emulator: Emulated, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """The same, of an emulator whose jobs are states on a clock."""
    with LoopbackProxy() as proxy, emulator.setting("job_seconds", 0.1):
        yield Session(emulator, proxy, tmp_path_factory.mktemp("sdk-simulated"))
