"""Upload of many small files and of one large file: ours, azure-ai-ml's, and a plain loop, as ratios.

    make environment-sdk
    .venv/bin/python -m benchmarks.upload                                       # 2,000 files; 1 GB
    .venv/bin/python -m benchmarks.upload --round-trip 20                       # as over a network
    .venv/bin/python -m benchmarks.upload --files 200 --megabytes 64            # quick: make benchmark

========================  ===============================================================================
ours                      the provider's client: ``ensure_code``, as the operators call it
azure-ai-ml               Microsoft's client, in an environment of its own: ``Code`` through the operations
                          that the submission of a job uses (there is no public call for code alone)
plain loop                azure-storage-blob: ``upload_blob``, one file after the other; it neither hashes
                          the content nor registers it
========================  ===============================================================================

All talk to the same emulator with the same Azurite in one run; each measure is a fresh process with content
that the workspace has not got. Seconds are those of the upload and registration, without imports: of the
clock, and of the contender's own processor time. Memory is the peak of the process; what it needs for its
imports, before the upload begins, stands beside it. Azurite works in one thread on the machine, and small
files over loopback wait for little else: it pulls the ratios towards 1. Loopback has no latency, so that what
parallel requests gain over a network does not show: ``--round-trip`` leads all through a proxy that adds it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.testing import EmulatorProcess

ROOT = Path(__file__).resolve().parents[1]
SDK_PYTHON = ROOT / ".venv-azure-ai-ml" / "bin" / "python"
MEGABYTE = 1 << 20

Facts = dict[str, Any]
Upload = Callable[[], object]


class Cost(NamedTuple):
    seconds: float
    cpu: float
    """Seconds of processor time that the contender itself took."""
    peak: float
    """Megabytes."""
    before: float
    """Megabytes of the process when the upload began."""


# The contenders: each makes ready what it needs, and returns the upload itself.


def our_client(facts: Facts) -> Any:
    from airflow_provider_amlrest.connection import read_connection
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.http.credentials import sync_credential

    extra = {
        **{name: facts[name] for name in ("tenant_id", "subscription_id", "resource_group")},
        **{name: facts[name] for name in ("workspace_name", "ca_bundle", "blob_endpoint")},
        "cloud": "custom",
        "resource_manager": facts["arm_endpoint"],
        "authority": facts["authority_host"],
    }
    settings = read_connection("benchmark", facts["client_id"], facts["client_secret"], extra)
    credential = sync_credential(settings.identity, settings.cloud)
    return AzureMLClient(credential, settings.workspace, cloud=settings.cloud)


def ours(facts: Facts, folder: Path) -> Upload:
    from airflow_provider_amlrest.rest.assets.ensure import ensure_code
    from airflow_provider_amlrest.rest.assets.upload.content import read_content

    client = our_client(facts)
    client.get_default_datastore()  # signs in
    return lambda: ensure_code(client, read_content("code", folder))


def azure_ai_ml(facts: Facts, folder: Path) -> Upload:
    from azure.ai.ml import MLClient
    from azure.ai.ml.entities._assets import Code
    from azure.identity import ClientSecretCredential

    credential = ClientSecretCredential(
        facts["tenant_id"],
        facts["client_id"],
        facts["client_secret"],
        authority=facts["authority_host"],
        disable_instance_discovery=True,
    )
    scope = (facts["subscription_id"], facts["resource_group"], facts["workspace_name"])
    client = MLClient(credential, *scope, enable_telemetry=False)
    client.datastores.get_default()  # signs in
    return lambda: client._code.create_or_update(Code(path=str(folder)))


def plain_loop(facts: Facts, folder: Path) -> Upload:
    from azure.storage.blob import ContainerClient

    place = our_client(facts).start_pending_upload("plain", str(time.time_ns()))

    def upload() -> None:
        with ContainerClient.from_container_url(
            place.sas_uri, connection_verify=facts["ca_bundle"]
        ) as container:
            for path in folder.rglob("*"):
                if path.is_file():
                    with path.open("rb") as stream:
                        container.upload_blob(path.relative_to(folder).as_posix(), stream)

    return upload


CONTENDERS = {"ours": ours, "azure-ai-ml": azure_ai_ml, "plain loop": plain_loop}


def measure_here(contender: str, facts: Facts, folder: Path) -> Cost:
    upload = CONTENDERS[contender](facts, folder)
    before = _peak()
    started, cpu = time.perf_counter(), time.process_time()
    upload()
    return Cost(time.perf_counter() - started, time.process_time() - cpu, _peak(), before)


def _peak() -> float:
    """Not ru_maxrss: that begins with what the process had that started this one."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


# The run


def measure(contender: str, emulator: EmulatorProcess, proxy: str, folder: Path) -> Cost:
    """Measure in a process of its own."""
    python = SDK_PYTHON if contender == "azure-ai-ml" else sys.executable
    facts, scratch = emulator.facts, emulator.data_dir.parent
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AZURE_"))},
        "ARM_CLOUD_METADATA_URL": f"{facts['arm_endpoint']}/metadata/endpoints?api-version=2022-09-01",
        "REQUESTS_CA_BUNDLE": facts["ca_bundle"],
        "HTTPS_PROXY": proxy,
        "NO_PROXY": "" if proxy else "*",
    }
    command = [python, __file__, "--measure", contender, str(scratch / "ready.json"), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{contender}: {done.stdout[-1000:]}{done.stderr[-3000:]}")
    return Cost(*json.loads(done.stdout.splitlines()[-1]))


def many_files(folder: Path, files: int, size: int) -> None:
    for number in range(files):
        path = folder / f"part-{number % 20:02}" / f"{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))


def large_file(folder: Path, megabytes: int) -> None:
    folder.mkdir(parents=True)
    with (folder / "large.bin").open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(MEGABYTE))


def warm_up(emulator: EmulatorProcess) -> None:
    """Start Azurite, and let its just-in-time compiler see an upload: the first contender must not pay."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "src"
        many_files(folder, 200, 4096)
        measure("plain loop", emulator, "", folder)


def compare(
    fill: Callable[[Path], None], rounds: int, contenders: list[str], emulator: EmulatorProcess, proxy: str
) -> None:
    """Print the medians of all contenders, and their ratio to ours. Each round begins with another one."""
    taken: dict[str, list[Cost]] = {contender: [] for contender in contenders}
    for number in range(rounds):
        for index in range(len(contenders)):
            contender = contenders[(number + index) % len(contenders)]
            with tempfile.TemporaryDirectory(dir=emulator.data_dir.parent) as temporary:
                folder = Path(temporary) / "src"
                fill(folder)
                taken[contender].append(measure(contender, emulator, proxy, folder))
    base = _median(taken["ours"])
    for contender, costs in taken.items():
        cost = _median(costs)
        print(
            f"  {contender:<12} {cost.seconds:7.2f} s  {cost.seconds / base.seconds:5.2f} x"
            f"   {cost.cpu:6.2f} s CPU  {cost.cpu / base.cpu:5.2f} x"
            f"   {cost.peak:6.0f} MB  {cost.peak / base.peak:5.2f} x   ({cost.before:.0f} MB before)"
        )


def _median(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(values) for values in zip(*costs, strict=True)))


def run(options: argparse.Namespace) -> None:
    from airflow_provider_amlrest.emulator.testing import EmulatorProcess
    from tools.proxy import LoopbackProxy

    contenders = [name for name in CONTENDERS if name != "azure-ai-ml" or SDK_PYTHON.exists()]
    if "azure-ai-ml" not in contenders:
        print("azure-ai-ml is not measured: `make environment-sdk` makes its environment.")
    loads = {
        f"{options.files} files of {options.file_bytes} bytes": partial(
            many_files, files=options.files, size=options.file_bytes
        ),
        f"One file of {options.megabytes} MB": partial(large_file, megabytes=options.megabytes),
    }
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder, prefix="upload-"))
        emulator = EmulatorProcess(Path(folder))
        stack.callback(emulator.stop)
        warm_up(emulator)
        proxy, over = "", "loopback"
        if options.round_trip:
            proxy = stack.enter_context(LoopbackProxy(options.round_trip / 1000)).url
            over = f"a round trip of {options.round_trip:g} ms"
        for title, fill in loads.items():
            print(f"{title} over {over}, median of {options.rounds}")
            compare(fill, options.rounds, contenders, emulator, proxy)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    number = "(default: %(default)s)"
    parser.add_argument("--files", type=int, default=2000, help=f"how many small files {number}")
    parser.add_argument("--file-bytes", type=int, default=4096, help=f"size of a small file {number}")
    parser.add_argument("--megabytes", type=int, default=1024, help=f"size of the large file {number}")
    parser.add_argument("--round-trip", type=float, default=0.0, help=f"milliseconds that are added {number}")
    parser.add_argument("--rounds", type=int, default=3, help=f"measures of each contender {number}")
    parser.add_argument("--folder", help="where the files and Azurite's copies of all of them go")
    parser.add_argument(
        "--measure", nargs=3, metavar=("CONTENDER", "READY", "FOLDER"), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    if options.measure:
        contender, ready_file, folder = options.measure
        print(json.dumps(measure_here(contender, json.loads(Path(ready_file).read_text()), Path(folder))))
    else:
        run(options)


if __name__ == "__main__":
    main()
