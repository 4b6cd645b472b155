"""What ``make`` runs; tests use the processes from here too. Not a part of the distribution."""
