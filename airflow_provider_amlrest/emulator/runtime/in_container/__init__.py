"""What runs in the processes of deployments, by their interpreter; it imports nothing of the package."""
