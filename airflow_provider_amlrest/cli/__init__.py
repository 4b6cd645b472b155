"""The command line ``amlrest``: jobs of a connection, for people without the UI at hand."""
