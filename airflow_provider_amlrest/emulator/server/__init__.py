"""The server: what it makes at its start, which part answers which path, and what every request passes."""
