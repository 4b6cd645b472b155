"""How requests and jobs go: faults, delays, and scripts that a test sets."""
