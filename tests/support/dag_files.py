"""DAG files as a user's test has them: imported, out of Airflow's own DAG folder."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any


@contextmanager
def imported(source: Path, name: str) -> Iterator[Any]:
    """The module ``name`` of the folder ``source``, and a database: Airflow 3.3 runs no DAGs elsewhere."""
    folder = Path(os.environ["AIRFLOW_HOME"], "dags")
    migrate()
    shutil.copytree(source, folder, dirs_exist_ok=True)
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[name]
    shutil.rmtree(folder)


@cache
def migrate() -> None:
    """Make Airflow's database of these tests, if there is none yet."""
    airflow = Path(sys.executable).with_name("airflow")
    migrated = subprocess.run([airflow, "db", "migrate"], capture_output=True, text=True)
    assert migrated.returncode == 0, migrated.stderr


def run(dag: Any) -> str:
    """Run a DAG once, by ``dag.test()``; the state of the run."""
    state = dag.test().state
    return str(getattr(state, "value", state))
