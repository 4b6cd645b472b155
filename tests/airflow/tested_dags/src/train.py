"""Nobody runs this: it is there to be uploaded."""
