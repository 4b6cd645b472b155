"""What the start of the emulator costs, where jobs are only states: until everything answers, as a ratio.

    make benchmark
    .venv/bin/python benchmarks/emulator_start.py --rounds 9

The baseline is a Python process that imports the web server and framework that the emulator is made of, and
ends. Rounds go over all cases in turn; the median counts.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from airflow_provider_amlrest.emulator.testing import EmulatorProcess

IMPORTS = "import uvicorn, starlette.routing, sqlite3, ssl, jwt, trustme"


def bare() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)
    return time.perf_counter() - started


def start(folder: Path) -> float:
    """Until its ready file is there: everything answers then."""
    folder.mkdir(exist_ok=True)
    started = time.perf_counter()
    emulator = EmulatorProcess(folder)
    seconds = time.perf_counter() - started
    emulator.stop()
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="measures of each case (default: %(default)s)")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        cases = {
            "uvicorn, starlette, jwt, trustme: import": lambda number: bare(),
            "emulator, new data directory": lambda number: start(folder / str(number)),
            "emulator, the same again": lambda number: start(folder / "again"),
        }
        for case in cases.values():
            case(0)  # compiles to bytecode and fills the file cache
        taken = {name: [] for name in cases}
        for number in range(1, rounds + 1):
            for name, case in cases.items():
                taken[name].append(case(number))
    print(f"Start of the emulator, runtime simulated, median of {rounds} processes")
    base = statistics.median(taken[next(iter(cases))])
    for name, seconds in taken.items():
        median = statistics.median(seconds)
        print(f"  {name:<42} {median * 1000:7.0f} ms  {median / base:5.2f} x")


if __name__ == "__main__":
    main()
