"""Capacity and cost under a workload: a discrete-event simulation of the rendered queues, scaling and hosts."""

from thoth_infra.simulate.simulation import run

__all__ = ["run"]
