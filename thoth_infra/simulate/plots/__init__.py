"""Pictures of simulated runs."""

from thoth_infra.simulate.plots.drawing import FORMATS, THEMES, compared, picture

__all__ = ["FORMATS", "THEMES", "compared", "picture"]
