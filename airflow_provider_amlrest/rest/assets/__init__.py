"""What jobs are made of and make: environments, code, data, components and models."""
