"""Remarks on the Kurdyka–Łojasiewicz inequality itself (`kl.*`); what follows from ψ is derived in :mod:`theory.kl`."""

from __future__ import annotations

from typing import Final

import sympy as sp

from theory.mutants.losses import CONSTANTS, MUTANTS
from theory.statement import Obligation, Statement
from theory.symbols import dpsi, sym

M, s, c, alpha, z = sym("M"), sym("s"), sym("c"), sym("alpha"), sym("z")

_lower = 1 / sp.sqrt(2 * M * s)

ALPHA_HALF = Statement(
    id="kl.alpha_half",
    kind="lemma",
    origin="known",
    title="A smooth loss has exponent at most one half",
    text="Let the loss L have minimum 0 and M-Lipschitz gradient near its minimizers, and let psi be desingularizing "
    "for it: psi'(L)|grad L| >= 1. Then psi'(s) >= (2 M s)^{-1/2} for small s > 0. So psi(s) = c s^alpha requires "
    "alpha <= 1/2, and any primitive Psi of -(psi')^2 tends to infinity at 0: the bound Psi^{-1}(Psi(L_0) + sigma^2 "
    "t) exists for all t, and no loss vanishes in finite time.",
    hypotheses=("A.loss.smooth", "A.loss.min", "A.loss.KL"),
    conclusion=sp.Ge(dpsi(s), _lower, evaluate=False),
    direction="lower",
    formulas={"dpsi_lower": _lower},
    reads={"dpsi_lower": "lower bound of psi'(s) near 0, M the Lipschitz constant of the gradient of the loss"},
    cites=("bolte2010",),
    proof="A gradient step of length 1/M cannot lower the loss below 0: 0 <= L - |grad L|^2/(2M), so |grad L| <= "
    "sqrt(2 M L) and psi'(L) >= 1/|grad L|. The square of the lower bound is 1/(2 M s), not integrable at 0. For psi "
    "= c s^alpha, psi'(s) sqrt s = c alpha s^{alpha - 1/2} would tend to 0 if alpha > 1/2.",
    obligations=(
        Obligation(
            "a gradient step of length 1/M lowers the quadratic bound L - g|grad|^2 + M g^2 |grad|^2/2 by "
            "|grad|^2/(2M)",
            (c - z**2 / M + M * (z / M) ** 2 / 2) - (c - z**2 / (2 * M)),
        ),
        Obligation(
            "a primitive of 1/(2 M s) is ln(s)/(2M), unbounded at 0", sp.diff(sp.log(s) / (2 * M), s) - _lower**2
        ),
        Obligation(
            "psi'(s) sqrt(s) for psi = c s^alpha",
            sp.diff(c * s**alpha, s) * sp.sqrt(s) - c * alpha * s ** (alpha - sp.Rational(1, 2)),
            where={s: sym("w")},
        ),
    ),
    tight="Attained by least squares, M = 1, psi(s) = sqrt(2 s).",
    mutants=MUTANTS["kl.alpha_half"],
    constants=CONSTANTS["kl.alpha_half"],
)

ITEMS: Final = (ALPHA_HALF,)
