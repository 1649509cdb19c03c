"""The simulator's compiled core. Import it only through :mod:`thoth_infra.simulate.simulation`: it needs numba."""
