"""What a loss has to say about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from theory.kl import Desingularizer

__all__ = ["Loss"]


@dataclass(frozen=True)
class Loss:
    """A separable loss L_y(v) = Σ_i entry(|v_i − y_i|, w_i), with its KL data and the arguments for its properties.

    entry               expression in ``sym("r")`` (|residual|: entries are even) and ``sym("w")``
    kl                  desingularizer of the whole loss; its parameter ``w_min`` is the smallest weight
    kl_argument         why ψ'(L)‖∇L‖ ≥ 1 (`A.loss.KL`)
    smooth, convex, unique          `A.loss.smooth`, `A.loss.convex`, `A.loss.unique`
    gradient_lipschitz  Lipschitz constant of ∇L for unit weights (times the largest weight), None if only local
    range_radial        ψ'(L)⟨r, ∇L⟩ ≥ ‖r‖ holds, so that y ∈ Im A suffices for linear A (`A.operator.range.radial`)
    weighted            whether weights other than 1 are accepted
    """

    name: str
    title: str
    entry: Any
    kl: Desingularizer
    kl_argument: str
    smooth: bool
    convex: bool
    unique: bool
    gradient_lipschitz: Any
    range_radial: bool
    range_radial_argument: str
    weighted: bool
    cites: tuple[str, ...] = ()
