"""A problem file and the arrays of a checkpoint that are proved at the start."""

from __future__ import annotations

import numpy as np

WIDE = """
[signal]
source = "values"
values = [0.3, -0.2]

[operator]
kind = "identity"

[noise]
relative = 0.05

[network]
width = 2000
antisymmetric = true
"""


def arrays(**changes):
    rng = np.random.default_rng(0)
    a, V = rng.standard_normal(500), rng.standard_normal((3, 500))
    given = {
        "a": np.concatenate([a, a]), "V": np.hstack([V, -V]), "T": rng.standard_normal((2, 3)),
        "y": 0.1 * rng.standard_normal(2), "activation": "tanh", "train": "both",
    }  # fmt: skip
    return {name: value for name, value in (given | changes).items() if value is not None}
