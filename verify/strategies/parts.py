"""Strategies for what worlds are made of: margins, losses, activations, training modes, operators.

All of them draw a few readable values (names, small integers, simple fractions, a seed), so that failures shrink to small
instances; what is random in an array comes from a NumPy generator made of the seed.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import hypothesis.strategies as st
from hypothesis.strategies import SearchStrategy

from numerics.losses import CompiledLoss
from numerics.worlds import Operator
from theory.activations import ACTIVATIONS
from theory.losses import LOSSES
from verify.making import loss_of, operator_of

__all__ = ["PARAMETERS", "SMOOTH", "activations", "losses", "margins", "noises", "operators", "seeds", "trains"]

SMOOTH: Final = tuple(name for name, item in ACTIVATIONS.items() if item.smooth)
"""Activations within the assumptions, simplest for a reader first."""

PARAMETERS: Final[dict[str, tuple[dict[str, float], ...]]] = {
    "least_squares": ({},),
    "weighted_least_squares": ({},),
    "p_power": ({"p": 3}, {"p": 2}, {"p": 4}),
    "lp": ({"p": 4}, {"p": 3}, {"p": 2}),
    "pseudo_huber": ({"huber": 1}, {"huber": 0.25}, {"huber": 4}),
    "log_cosh": ({},),
    "lojasiewicz": ({"alpha": 0.5}, {"alpha": 0.25}, {"alpha": 0.5, "c": 2}),
}
"""Loss → parameters that are drawn, all within `A.loss.smooth`."""


def seeds() -> SearchStrategy[int]:
    """Small integers, from which NumPy generators are made."""
    return st.integers(0, 999)


def margins(top: float = 1.0) -> SearchStrategy[float]:
    """Fractions in (0, top): simple ones, and ones within 1e-3 of the end.  Shrinks to top/2."""
    ends = (0.5, 0.25, 0.1, 0.75, 0.9, 0.99, 0.999)
    return st.one_of(st.sampled_from(ends), st.integers(1, 99).map(lambda i: i / 100)).map(lambda x: top * x)


def noises() -> SearchStrategy[float]:
    """Size of the noise relative to how far the observation has to go."""
    return st.sampled_from((0.1, 0.0, 0.3, 0.5, 0.01))


def activations(names: tuple[str, ...] = SMOOTH) -> SearchStrategy[str]:
    """Names of activations (by default all smooth ones)."""
    return st.sampled_from(names)


def trains() -> SearchStrategy[Literal["both", "W"]]:
    """Training modes of a two-layer network."""
    modes: tuple[Literal["both", "W"], ...] = ("both", "W")
    return st.sampled_from(modes)


def losses(m: int = 1, names: tuple[str, ...] = tuple(LOSSES)) -> SearchStrategy[CompiledLoss]:
    """Losses on m entries, with parameters; weights are drawn from a seed."""
    pairs = [(name, parameters) for name in names for parameters in PARAMETERS[name]]

    def make(pair: tuple[str, dict[str, float]], seed: int) -> CompiledLoss:
        return loss_of(pair[0], m, seed=seed, **pair[1])

    return st.builds(make, st.sampled_from(pairs), st.integers(0, 3))


Kind = Literal["any", "linear", "identity", "values", "deficient", "ill", "sine", "injective", "wide"]


@st.composite
def operators(draw: Any, n: int = 1, m: int | None = None, kind: Kind = "linear") -> Operator:
    """Operators R^n → R^m (m None: n, but n + 1 for "injective", n − 1 for "wide" if possible).

    "identity"; "values": full rank, singular values simple fractions; "deficient": rank below min(m, n) where that leaves
    any; "ill": condition up to 1e8; "sine": nonlinear; "injective": m > n; "wide": m < n; "linear": any of the linear ones;
    "any": all.
    """
    kinds: dict[str, tuple[str, ...]] = {
        "linear": ("identity", "values", "deficient", "ill"),
        "any": ("identity", "values", "deficient", "ill", "sine"),
    }
    chosen = draw(st.sampled_from(kinds.get(kind, (kind,))))
    if m is None:
        m = {"injective": n + 1, "wide": max(1, n - 1)}.get(chosen, n)
    if chosen == "identity" and m == n:
        return operator_of("identity", n, n)
    full = min(m, n)
    rank = max(1, full - 1) if chosen == "deficient" else full
    if chosen == "ill":
        low = -draw(st.integers(1, 8))
        values = [1.0, *([10.0**low] * (rank - 1))]
    else:
        values = draw(st.lists(st.sampled_from((1.0, 0.5, 2.0, 0.25)), min_size=rank, max_size=rank))
    made = "sine" if chosen == "sine" else "values"
    beta = draw(st.sampled_from((0.5, -0.5, 0.9))) if chosen == "sine" else 0.5
    return operator_of(made, n, m, seed=draw(st.integers(0, 9)), values=values, beta=beta)
