"""Runs the steps of a session of azure-ai-ml, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.support.emulated import Emulated
from tools.proxy import LoopbackProxy

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-azure-ai-ml" / "bin" / "python"
STEP_SECONDS = 120
ENVIRONMENT = "AzureML-any:1"


class Session:
    """Runs steps of ``session.py``, each in a process of its own."""

    def __init__(self, emulated: Emulated, proxy: LoopbackProxy, folder: Path) -> None:
        self.emulated = emulated
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
        command = [PYTHON, Path(__file__).with_name("session.py"), self._ready_file, step]
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
