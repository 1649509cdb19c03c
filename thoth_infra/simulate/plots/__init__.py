"""Pictures of simulated runs."""

from thoth_infra.simulate.plots.drawing import FORMATS, compared, picture
from thoth_infra.simulate.plots.theme import THEMES

__all__ = ["FORMATS", "THEMES", "compared", "picture"]
