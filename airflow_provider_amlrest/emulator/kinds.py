"""The kinds of job that the nodes of pipelines run as.

A new type of node is a module of its name in ``arm/jobs/nodes`` with a ``TYPE``, and a line here.
"""

from __future__ import annotations

NODES = {"command": "Command", "sweep": "Sweep", "pipeline": "Pipeline", "parallel": "Command"}
"""Type of a pipeline's node -> the kind of job that it runs as."""
