"""The kinds of job that there are: the one table.

A new kind is a line in :data:`KINDS`, and a file of that name in three rooms: in ``rest/jobs`` and in
``emulator/arm/jobs`` with a ``KIND``, in ``emulator/runtime`` with a ``make_runner``.
"""

from __future__ import annotations

KINDS = (
    "command",
    "sweep",
    "pipeline",
    "spark",
    "automl",
)
"""In the words of the CLI's YAML. How the wire spells each, client and emulator say for themselves."""
