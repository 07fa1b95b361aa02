"""Of the losses (:mod:`theory.theorems.losses`) and of the Kurdyka–Łojasiewicz inequality (:mod:`theory.theorems.kl`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sympy as sp

from theory.mutant import DIAL, Constant, Mutant
from theory.mutants.build import false, ge, turned
from theory.symbols import dpsi, sym

loss, grad_norm, p, m, M, s = (sym(name) for name in ("loss", "grad_norm", "p", "m", "M", "s"))
w_min, c, alpha = sym("w_min"), sym("c"), sym("alpha")


def _at_least(slope: Any, level: Any = 1) -> Any:
    """The inequality with an expression for ψ'(L)."""
    return ge(slope * grad_norm, level)


def _halved(where: str) -> Mutant:
    return false("psi-halved", "psi becomes psi/2", where, conclusion=_at_least(dpsi(loss) / 2))


def _one(where: str) -> tuple[Constant, ...]:
    return (turned("one", "the 1", 1, "up", 1, f"equality: {where}", conclusion=_at_least(dpsi(loss), DIAL)),)


_root = 1 / sp.sqrt(2 * loss)
"""ψ'(L) of plain least squares."""
_power = (p * loss) ** (1 / p - 1)
"""ψ'(L) of ‖r‖^p/p."""
_WHERE: Final[Mapping[str, str]] = {
    "kl.least_squares": "any residual",
    "kl.weighted_least_squares": "the residual along the entry of the smallest weight",
    "kl.p_power": "any residual",
    "kl.lp": "entries of equal size",
    "kl.pseudo_huber": "a single nonzero entry",
    "kl.log_cosh": "a single nonzero entry",
    "kl.lojasiewicz": "any residual",
}

_MORE: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "kl.least_squares": (
        false(
            "two-forgotten", "psi(s) = sqrt s", "any residual: 1/sqrt 2", conclusion=_at_least(1 / (2 * sp.sqrt(loss)))
        ),
    ),
    "kl.weighted_least_squares": (
        false(
            "weight-forgotten",
            "psi(s) = sqrt(2 s)",
            "only where w_min < 1: the residual along the entry of the smallest weight",
            conclusion=_at_least(_root),
        ),
        false(
            "weight-squared",
            "psi(s) = sqrt(2 s)/w_min",
            "only where w_min > 1: the residual along the entry of the smallest weight",
            conclusion=_at_least(_root / w_min),
        ),
    ),
    "kl.p_power": (
        false(
            "exponent-forgotten",
            "psi(s) = s^{1/p}",
            "any residual: p^{-1/p}",
            conclusion=_at_least(loss ** (1 / p - 1) / p),
        ),
        false("least-squares", "psi(s) = sqrt(2 s)", "p > 2 and a small residual", conclusion=_at_least(_root)),
    ),
    "kl.lp": (
        false(
            "power-of-m-forgotten",
            "psi(s) = (p s)^{1/p}",
            "m > 1 entries of equal size: m^{-(p-2)/(2p)}",
            conclusion=_at_least(_power),
        ),
        false(
            "half-the-power-of-m",
            "m^{(p-2)/(2p)} becomes m^{(p-2)/(4p)}",
            "m > 1 entries of equal size: m^{-(p-2)/(4p)}",
            conclusion=_at_least(m ** ((p - 2) / (4 * p)) * _power),
        ),
    ),
    "kl.pseudo_huber": (
        false(
            "least-squares",
            "psi(s) = sqrt(2 s)",
            "any residual: |grad L| < sqrt(2 L), the more so the larger it is",
            conclusion=_at_least(_root),
        ),
    ),
    "kl.log_cosh": (
        false(
            "least-squares",
            "psi(s) = sqrt(2 s)",
            "any residual: tanh(r)^2 < 2 log cosh(r), the more so the larger it is",
            conclusion=_at_least(_root),
        ),
    ),
    "kl.lojasiewicz": (
        false(
            "exponent-twice",
            "c becomes c alpha: psi(s) = c alpha s^alpha",
            "any residual: alpha < 1",
            conclusion=_at_least(c * alpha**2 * loss ** (alpha - 1)),
        ),
    ),
}

MUTANTS: Final[Mapping[str, tuple[Mutant, ...]]] = {
    **{key: (_halved(where), *_MORE[key]) for key, where in _WHERE.items()},
    "kl.alpha_half": (
        false(
            "two-forgotten",
            "(2 M s)^{-1/2} becomes (M s)^{-1/2}",
            "least squares, M = 1",
            conclusion=ge(dpsi(s), 1 / sp.sqrt(M * s)),
        ),
    ),
}

CONSTANTS: Final[Mapping[str, tuple[Constant, ...]]] = {
    **{key: _one(where) for key, where in _WHERE.items()},
    "kl.lp": (
        *_one(_WHERE["kl.lp"]),
        turned(
            "power-of-m",
            "the factor 1 of the exponent (p - 2)/(2p) of m",
            1,
            "down",
            1,
            "equality: entries of equal size",
            conclusion=_at_least(m ** (DIAL * (p - 2) / (2 * p)) * _power),
        ),
    ),
    "kl.alpha_half": (
        turned(
            "front",
            "the factor 1 of (2 M s)^{-1/2}",
            1,
            "up",
            1,
            "kl.alpha_half: attained by least squares, M = 1",
            conclusion=ge(dpsi(s), DIAL / sp.sqrt(2 * M * s)),
        ),
    ),
}
