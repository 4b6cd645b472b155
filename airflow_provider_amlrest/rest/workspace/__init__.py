"""A workspace, and what it contains besides assets and jobs."""
