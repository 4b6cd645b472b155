"""The command line ``amlrest``: shows and cancels the jobs of a connection, without the UI."""
