"""Runs an entry script over mini-batches of files, in several processes: what a parallel node does.

Started by path in the job's own Python, so it imports nothing of the package:
``python -I parallel_driver.py SETTINGS ARGUMENTS...``, and itself once more for each worker. A worker calls
``init()`` of the script, then ``run(mini_batch)`` for each list of file names that it is sent.
"""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

WORKER = "--worker"


def main() -> int:
    settings = json.loads(sys.argv[1])
    if sys.argv[2:3] == [WORKER]:
        return work(settings, sys.argv[3:])
    return Driver(settings, sys.argv[2:]).run()


class Driver:
    def __init__(self, settings: dict[str, Any], arguments: list[str]) -> None:
        self._settings = settings
        self._arguments = arguments
        self._lock = threading.Lock()
        self._batches: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
        self._failed_batches = 0
        self._failed_items = 0
        self._broken: list[str] = []

    def run(self) -> int:
        """All mini-batches; 0, unless more of them or of their items have failed than may."""
        folder = Path(self._settings["input_data"])
        found = [folder] if folder.is_file() else folder.rglob("*")
        files = sorted(str(path) for path in found if path.is_file())
        size = max(1, self._settings["mini_batch_size"])
        batches = [files[start : start + size] for start in range(0, len(files), size)]
        for batch in batches:
            self._batches.put(batch)
        if self._settings["append_row_to"]:
            Path(self._settings["append_row_to"]).touch()
        count = max(1, min(self._settings["workers"], len(batches)))
        say(f"{len(files)} files in {len(batches)} mini-batches, {count} workers")
        threads = [threading.Thread(target=self._serve) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self._verdict()

    def _verdict(self) -> int:
        if self._broken:
            say(self._broken[0])
            return 1
        for count, threshold, what in (
            (self._failed_batches, self._settings["mini_batch_error_threshold"], "mini-batches"),
            (self._failed_items, self._settings["error_threshold"], "items"),
        ):
            say(f"{count} {what} failed, {'any number' if threshold < 0 else threshold} may")
            if 0 <= threshold < count:
                return 1
        return 0

    def _serve(self) -> None:
        """Give one worker after the other a mini-batch, until there are none left."""
        worker: Worker | None = None
        while not self._broken:
            try:
                batch = self._batches.get_nowait()
            except queue.Empty:
                break
            for _ in range(1 + max(0, self._settings["max_retries"])):
                if worker is None or not worker.is_good:
                    worker = Worker(self._settings, self._arguments)
                    if not worker.is_good:
                        self._broken.append("init() failed")
                        return
                rows = worker.run(batch)
                if rows is not None:
                    break
            self._take(batch, rows)
        if worker is not None:
            worker.end()

    def _take(self, batch: list[str], rows: list[str] | None) -> None:
        with self._lock:
            if rows is None:
                self._failed_batches += 1
                self._failed_items += len(batch)
                return
            self._failed_items += max(0, len(batch) - len(rows))
            if self._settings["append_row_to"]:
                with Path(self._settings["append_row_to"]).open("a") as file:
                    file.writelines(f"{row}\n" for row in rows)


class Worker:
    """A process that has called ``init()``. It is sent a line per mini-batch, and answers with one."""

    def __init__(self, settings: dict[str, Any], arguments: list[str]) -> None:
        self._timeout = settings["timeout"]
        answers, answer_to = os.pipe()
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", __file__, json.dumps(settings), WORKER, str(answer_to), *arguments],
            stdin=subprocess.PIPE,
            pass_fds=(answer_to,),
            text=True,
        )
        os.close(answer_to)
        self._answers = os.fdopen(answers)
        self.is_good = self._answers.readline() == "ready\n"

    def run(self, batch: list[str]) -> list[str] | None:
        """The rows of a mini-batch; None if it has failed or takes too long."""
        timer = threading.Timer(self._timeout, self._process.send_signal, (signal.SIGKILL,))
        timer.start()
        try:
            stdin = self._process.stdin
            if stdin is not None:
                stdin.write(f"{json.dumps(batch)}\n")
                stdin.flush()
            answer = self._answers.readline()
        except BrokenPipeError:
            answer = ""
        finally:
            timer.cancel()
        if not answer:
            self.is_good = False
            return None
        rows: list[str] | None = json.loads(answer)
        return rows

    def end(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        self._answers.close()


def work(settings: dict[str, Any], arguments: list[str]) -> int:
    answers = os.fdopen(int(arguments[0]), "w")
    path = Path(settings["entry_script"]).resolve()
    sys.path.insert(0, str(path.parent))
    sys.argv = [str(path), *arguments[1:]]
    spec = importlib.util.spec_from_file_location("entry_script", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    script = importlib.util.module_from_spec(spec)
    sys.modules["entry_script"] = script
    spec.loader.exec_module(script)
    if hasattr(script, "init"):
        script.init()
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        try:
            rows = as_rows(script.run(json.loads(line)))
        except Exception:
            traceback.print_exc()
            rows = None
        print(json.dumps(rows), file=answers, flush=True)
    return 0


def say(line: str) -> None:
    """In the job's log."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def as_rows(result: Any) -> list[str]:
    """What ``run`` has returned: a data frame's rows, their values with a space between them, or items."""
    if hasattr(result, "to_csv"):
        text: str = result.to_csv(sep=" ", header=False, index=False)
        return text.splitlines()
    return [str(item) for item in result or ()]


if __name__ == "__main__":
    sys.exit(main())
