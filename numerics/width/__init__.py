"""How wide a two-layer network has to be, by every theorem: forward, backwards, and with the arithmetic shown."""

from numerics.width.criteria import CRITERIA, Assessment, Criterion, NotApplicable
from numerics.width.search import (
    Answer,
    assess,
    largest_noise,
    largest_residual,
    smallest_scale,
    smallest_sigma_F,
    smallest_width,
    stopping_time,
    success_probability,
)
from numerics.width.setting import Setting

__all__ = [
    "CRITERIA",
    "Answer",
    "Assessment",
    "Criterion",
    "NotApplicable",
    "Setting",
    "assess",
    "largest_noise",
    "largest_residual",
    "smallest_scale",
    "smallest_sigma_F",
    "smallest_width",
    "stopping_time",
    "success_probability",
]
