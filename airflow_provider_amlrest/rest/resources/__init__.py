"""Resources that are brought to a state: computes, endpoints and their deployments.

A job has a name and runs once. A resource is to *be so*: it is looked at, compared with what is wanted, and
changed only if it differs.
"""
