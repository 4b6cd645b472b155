"""Kinds of job that the emulator has: the one table.

A new kind is a module of its name in ``arm/jobs`` with a ``KIND`` (what ARM takes and answers), one in
``runtime`` with a ``make_runner`` (how it runs), and a line in :data:`KINDS`.
"""

from __future__ import annotations

KINDS = {"Command": "command", "Sweep": "sweep", "AutoML": "automl", "Spark": "spark"}
"""Type on the wire -> module, in both rooms. Each is imported when it is needed."""
