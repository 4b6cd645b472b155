"""The storage account: Azurite as a child process, and a client of it."""
