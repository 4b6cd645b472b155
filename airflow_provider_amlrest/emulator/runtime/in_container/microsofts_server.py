"""Starts Microsoft's inference server (azureml-inference-server-http), on loopback alone.

By itself it listens on all addresses, and has no option for that.
"""

from __future__ import annotations

from azureml_inference_server_http import amlserver

amlserver.DEFAULT_HOST = "127.0.0.1"
amlserver.run()
