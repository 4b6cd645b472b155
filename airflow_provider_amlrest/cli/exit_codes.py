"""Exit codes of the commands."""

FINE = 0
NOT_COMPLETED = 1
USAGE = 2
TIMED_OUT = 3
REFUSED = 4
INTERRUPTED = 130
