"""Requests on their way: signed, sent, repeated, refused. It knows nothing of jobs and assets."""
