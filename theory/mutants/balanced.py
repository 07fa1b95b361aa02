"""Of what the flow of both layers conserves (:mod:`theory.theorems.balanced`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sympy as sp

from theory.mutant import DIAL, Constant, Mutant
from theory.mutants.build import ZERO_LOSS, false, ge, turned
from theory.symbols import sym

gap, k, f_a = sym("gap"), sym("k"), sym("f_a")
_positive = sp.Max(0, gap)


def _hidden(squared: Any) -> Any:
    return ge(f_a, sp.sqrt(squared))


_SADDLE: Final = "tanh, n = m = k = 1, a = 0.5, v = sinh a, y = -0.5: a and v tend to 0"

MUTANTS: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "dip2.conservation": (
        false(
            "first-layer",
            "for W alone",
            "any run of W alone: a moves, V does not",
            drop=("A.network.both",),
        ),
    ),
    "dip2.balanced": (
        false(
            "with-equality",
            "zero loss for every y already if some gap is >= 0",
            _SADDLE,
            conclusion=ZERO_LOSS,
            conditions={"dip2.balanced": ge(gap, 0)},
        ),
        false(
            "condition-dropped",
            "zero loss for every y, whatever the gaps",
            "tanh, n = m = k = 1, a = 0, v = 0, y = 1: at rest",
            conclusion=ZERO_LOSS,
            drop=("dip2.balanced",),
        ),
        false(
            "width-forgotten",
            "1/k is missing",
            "k = 4, one neuron with a = 2, three with a = 0, V = 0: at t = 0",
            conclusion=_hidden(_positive / (1 + _positive)),
        ),
        false(
            "saturation-forgotten",
            "gap/(1 + gap) becomes gap: sinh in the place of tanh",
            "k = 1, a = 2, v = 0: gap = 13.2, and f <= 1",
            conclusion=_hidden(_positive / k),
        ),
        false(
            "first-layer",
            "for W alone",
            "n = m = k = 1, v = 0.1, a = 1, y = -0.05: a crosses 0",
            drop=("A.network.both",),
        ),
    ),
    "dip2.no_threshold": (
        false(
            "every-start",
            "for every a(0), not almost every",
            _SADDLE,
            conclusion=ZERO_LOSS,
        ),
        false(
            "first-layer",
            "for W alone",
            "tanh, n = m = k = 1, v = 1, a = 0, y = 2: |y(t)| stays below 1",
            conclusion=ZERO_LOSS,
            drop=("A.network.both",),
        ),
    ),
}

CONSTANTS: Final[Mapping[str, tuple[Constant, ...]]] = {
    "dip2.balanced": (
        turned(
            "front",
            "the factor 1 of gap/(1 + gap)/k in the bound of f^2",
            1,
            "up",
            1,
            "k = 1, v = 0: f^2 = tanh(a)^2 = gap/(1 + gap) at t = 0",
            conclusion=_hidden(DIAL * _positive / (1 + _positive) / k),
        ),
    ),
}
