"""The programs that ``make`` runs; tests use their processes too. Not part of the distribution."""
