"""Marks that many tests share."""

from __future__ import annotations

import pytest
from _pytest.mark.structures import ParameterSet


def slow(*values: object) -> list[ParameterSet]:
    """Return parameters that only the drills try."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]
