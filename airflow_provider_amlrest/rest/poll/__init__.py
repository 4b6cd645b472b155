"""When and how jobs are looked at, alone or thousands together."""
