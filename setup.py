"""What setup.cfg cannot say: a build takes the pages' chart library from npm, pinned by its lock file."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import tempfile
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PACKAGE = Path(__file__).parent / "airflow_provider_amlrest"
STATIC = PACKAGE / "plugin" / "static"
CHARTS = STATIC / "echarts"
FILES = {
    "echarts/dist/echarts.esm.min.js": "echarts.esm.min.js",
    "echarts/LICENSE": "LICENSE",
    "echarts/NOTICE": "NOTICE",
    "zrender/LICENSE": "LICENSE-zrender",
}


class BuildWithCharts(build_py):
    """Also for editable installations: the files are put into the source tree, where git ignores them."""

    def run(self) -> None:
        lock = STATIC / "package-lock.json"
        stamp = CHARTS / "package-lock.json"
        if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
            install_charts()
            shutil.copy(lock, stamp)
        super().run()


def install_charts() -> None:
    node = runpy.run_path(str(PACKAGE / "emulator" / "storage" / "azurite.py"))["find_node"]()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(STATIC / name, folder)
        command = [node.binary, node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            subprocess.run(command, cwd=folder, check=True)  # noqa: S603
        except subprocess.CalledProcessError:
            raise SystemExit("npm could not fetch Apache ECharts, which the pages need; see above.") from None
        CHARTS.mkdir(exist_ok=True)
        for source, target in FILES.items():
            shutil.copy(Path(folder, "node_modules", source), CHARTS / target)


setup(cmdclass={"build_py": BuildWithCharts})
