"""The ARM side of a workspace: what a client reaches below ``/subscriptions``."""
