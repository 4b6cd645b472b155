"""Kinds of job that the emulator has, and the nodes of pipelines that run as them: the one table.

A new kind is a module of its name in ``arm/jobs`` with a ``KIND`` (what ARM takes and answers), one in
``runtime`` with a ``make_runner`` (how it runs), and a line in :data:`KINDS`. A new type of node is a module
of its name in ``arm/jobs/nodes`` with a ``TYPE``, and a line in :data:`NODES`.
"""

from __future__ import annotations

KINDS = {
    "Command": "command",
    "Sweep": "sweep",
    "AutoML": "automl",
    "Spark": "spark",
    "Pipeline": "pipeline",
}
"""Type on the wire -> module, in both rooms. Each is imported when it is needed."""

NODES = {"command": "Command", "sweep": "Sweep", "pipeline": "Pipeline", "parallel": "Command"}
"""Type of a pipeline's node -> the kind of job that it runs as."""
