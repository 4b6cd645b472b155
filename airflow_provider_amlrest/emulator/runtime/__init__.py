"""Runs the jobs of the emulator's workspaces: in virtual environments, in this interpreter, or on a clock."""

from airflow_provider_amlrest.emulator.runtime.scheduler import Runtime

__all__ = ["Runtime"]
