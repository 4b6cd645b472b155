"""What jobs are made of and make: environments, code, data and models."""
