"""Serves a scoring script where Microsoft's inference server is not installed.

``python scoring_server.py SCRIPT PORT``: ``init()`` is called once, ``run(data)`` for each POST to /score
with the request's body as text; what it returns is answered as JSON. GET / says that it serves. Requests
are answered one after the other.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def log(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def load(script: Path) -> Any:
    sys.path[:1] = [str(script.parent)]
    spec = importlib.util.spec_from_file_location(script.stem, script)
    if spec is None or spec.loader is None:
        raise ImportError(f"{script} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[script.stem] = module
    spec.loader.exec_module(module)
    return module


class Handler(BaseHTTPRequestHandler):
    run: Any = None
    turn = threading.Lock()

    def do_GET(self) -> None:
        self._answer(*((200, "Healthy") if self.path == "/" else (404, "There are GET / and POST /score.")))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/score":
            self._answer(404, "There are GET / and POST /score.")
            return
        try:
            with self.turn:
                result = json.dumps(type(self).run(body.decode()))
        except Exception as error:
            log(traceback.format_exc())
            self._answer(500, f"{type(error).__name__}: {error}")
            return
        self._answer(200, result, "application/json")

    def _answer(self, status: int, text: str, content_type: str = "text/plain; charset=utf-8") -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        if self.command != "GET":
            log(f"{self.requestline} {int(code)}")


class Server(ThreadingHTTPServer):
    request_queue_size = 128


def main() -> None:
    script, port = Path(sys.argv[1]), int(sys.argv[2])
    log("The emulator's own scoring server: azureml-inference-server-http is not in the environment.")
    module = load(script)
    log("Invoking user's init function")
    module.init()
    log("Users's init has completed successfully")
    Handler.run = staticmethod(module.run)
    Server(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main()
