"""Uploads of local files to the workspace's storage."""
