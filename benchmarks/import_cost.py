"""What importing the operators, and parsing a DAG file of 200 of them, costs: ratios to bare Airflow.

Every measure is a fresh Python process. Rounds go over all cases in turn, so that a busy moment of the
machine hits all of them; the median of the rounds counts. The clock starts before the first import.

    make benchmark
    .venv/bin/python benchmarks/import_cost.py --rounds 9 --azure-ai-ml /path/to/environment/bin/python
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

# Runs in the measured process: imports nothing but what every Python process has loaded already.
_PROBE = """
import sys, time
before, start = set(sys.modules), time.perf_counter()
{body}
seconds, loaded = time.perf_counter() - start, set(sys.modules) - before
import json
print(json.dumps([seconds, len(loaded)]))
"""

_BARE = "from airflow.providers.common.compat.sdk import DAG, BaseOperator, BaseSensorOperator"
_OPERATORS = f"{_BARE}\nimport airflow_provider_amlrest.operators, airflow_provider_amlrest.sensors"
_PARSE = "import runpy; runpy.run_path({path!r})"

_DAG_OF_EMPTY = f"""{_BARE}
from airflow.providers.standard.operators.empty import EmptyOperator
with DAG("empty", schedule=None):
    for number in range(200):
        EmptyOperator(task_id=f"task_{{number}}")
"""

_DAG_OF_JOBS = f"""{_BARE}
from airflow_provider_amlrest.operators import AzureMLSubmitCommandJobOperator
with DAG("jobs", schedule=None):
    for number in range(200):
        AzureMLSubmitCommandJobOperator(
            task_id=f"task_{{number}}", command="python train.py --rate ${{{{inputs.rate}}}}",
            environment="iris:1", compute="cpu-cluster", inputs={{"rate": 0.1}},
        )
"""

_DAG_OF_FILES = f"""{_BARE}
from airflow_provider_amlrest.operators import AzureMLSubmitJobOperator
with DAG("files", schedule=None):
    for number in range(200):
        AzureMLSubmitJobOperator(task_id=f"task_{{number}}", job="train.yml", overrides={{"compute": "gpu"}})
"""


class Case(NamedTuple):
    name: str
    python: str
    body: str


class Cost(NamedTuple):
    seconds: float
    modules: int


def measure(case: Case) -> Cost:
    """Run a case once, in a process of its own."""
    command = [case.python, "-c", _PROBE.format(body=case.body)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment |= {
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_HOME": tempfile.gettempdir() + "/import-cost",
    }
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise SystemExit(f"{case.name}: {answer.stderr}")
    return Cost(*json.loads(answer.stdout.splitlines()[-1]))


def compare(cases: list[Case], rounds: int) -> None:
    """Print the medians of all cases, and their ratio to the first."""
    for case in cases:
        measure(case)  # compiles to bytecode and fills the file cache
    taken: dict[str, list[Cost]] = {case.name: [] for case in cases}
    for _ in range(rounds):
        for case in cases:
            taken[case.name].append(measure(case))
    base = taken[cases[0].name]
    base_seconds, base_modules = statistics.median(c.seconds for c in base), base[0].modules
    for name, costs in taken.items():
        seconds = statistics.median(cost.seconds for cost in costs)
        modules = costs[0].modules
        print(
            f"  {name:<42} {seconds * 1000:7.0f} ms  {seconds / base_seconds:5.2f} x"
            f"   {modules:5d} modules  {modules - base_modules:+5d}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="measures of each case (default: %(default)s)")
    parser.add_argument(
        "--azure-ai-ml", metavar="PYTHON", help="a Python that has azure-ai-ml, to compare with"
    )
    options = parser.parse_args()

    here = sys.executable
    imports = [
        Case("bare Airflow: DAG, BaseOperator", here, _BARE),
        Case("with our operators", here, _OPERATORS),
    ]
    if options.azure_ai_ml:
        imports.append(Case("azure.ai.ml alone, without Airflow", options.azure_ai_ml, "import azure.ai.ml"))
    print(f"Import, median of {options.rounds} processes")
    compare(imports, options.rounds)

    with tempfile.TemporaryDirectory() as folder:
        files = {
            "200 EmptyOperators": _DAG_OF_EMPTY,
            "200 AzureMLSubmitCommandJobOperators": _DAG_OF_JOBS,
            "200 AzureMLSubmitJobOperators": _DAG_OF_FILES,
        }
        cases = []
        for number, (name, source) in enumerate(files.items()):
            path = Path(folder) / f"dag_{number}.py"
            path.write_text(source)
            cases.append(Case(name, here, _PARSE.format(path=str(path))))
        print(f"Parse of a DAG file, imports included, median of {options.rounds} processes")
        compare(cases, options.rounds)


if __name__ == "__main__":
    main()
