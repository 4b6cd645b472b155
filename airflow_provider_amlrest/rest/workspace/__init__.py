"""A workspace, and what it holds beside assets and jobs."""
