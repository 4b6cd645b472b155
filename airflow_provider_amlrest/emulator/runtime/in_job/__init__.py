"""Packages that run inside of jobs, by the interpreter of the job: they import nothing beside themselves."""
