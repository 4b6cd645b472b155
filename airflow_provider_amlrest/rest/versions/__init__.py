"""What differs between Azure ML's api-versions."""
