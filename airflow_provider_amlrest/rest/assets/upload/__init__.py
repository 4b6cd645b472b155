"""Local files on their way to the workspace's storage."""
