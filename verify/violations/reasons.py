"""Why there is no instance that shows a hypothesis to be needed, where that is proved.

implied: the other hypotheses of the statement have it as a consequence.  unused: the conclusion that is checked holds
without it.  undefined: without it the conclusion speaks of something that does not exist.  What is said here is about the
relation that is checked, not about everything that the text of the statement claims (a limit, a rate that is positive).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from theory.claim import Claim, claim_of
from theory.ledger import registry

__all__ = ["Reason", "reason_for"]

Kind = Literal["implied", "unused", "undefined"]


@dataclass(frozen=True)
class Reason:
    """A kind and the argument."""

    kind: Kind
    text: str


_LEAST_SQUARES = ("A.loss.plain_least_squares", "A.loss.least_squares")
_OF_LEAST_SQUARES = (
    "A.loss.smooth", "A.loss.min", "A.loss.unique", "A.loss.convex", "A.loss.KL", "A.loss.concave_psi",
    "A.loss.least_squares",
)  # fmt: skip
_POSITIVE_SIGMA_F = ("baseline.condition", "sharp.condition", "dip2.amgm")
_POSITIVE_SIGMA_0 = (
    "baseline.condition",
    "sharp.condition",
    "illposed.energy",
    "dip2.energy",
    "illposed.rate",
    "illposed.discrepancy",
)
_SEEN_OF_MINIMIZER = frozenset({"residual", "residual_h", "x_err", "y_err", "unseen", "theta_dist", "r"})
_SHARP = (
    "sharp.length", "sharp.sigma", "sharp.rate", "sharp.logistic", "sharp.stop", "sharp.general", "step.majorant_rate",
)  # fmt: skip
_ROOTS = ("sharp.restart", "sharp.tail", "recover.kernel")

_CONSERVED = Reason(
    "unused",
    "sinh² a_i − |v_i|² does not change along the flow of any differentiable objective of V φ(a), so that sinh² a_i stays "
    "at or above the gap, and f² >= tanh² a_i / k: loss and operator do not enter",
)
_ARITHMETIC = Reason(
    "unused", "the conclusion is an inequality between constants that follows from the condition of the statement alone"
)
_STATE = Reason(
    "unused",
    "the conclusion bounds the Jacobian of F o g at a state by moduli of g and F: loss, data and run do not enter",
)
_ZERO = Reason(
    "unused", "with this constant equal to 0 the right side is 0, and the left side has the claimed sign anyway"
)
_PARTS = Reason("undefined", "the conclusion speaks of the parts of such a network, which nothing else has")
_SHIFT = Reason("unused", "adding a constant to the loss changes neither the flow nor any difference of losses")
_BUDGET = Reason("undefined", "without it there is no path budget L, of which the bound is made")
_IDENTITY = Reason(
    "unused", "an identity of the velocity at one time, in which the loss enters through its gradient only"
)

#: Of one statement and one hypothesis.
_PAIRS: Mapping[tuple[str, str], Reason] = {
    ("dip2.amgm", "dip2.amgm"): Reason(
        "undefined", "where the condition fails the bound is the square root of a number that is not positive"
    ),
    ("dip2.balanced", "dip2.balanced"): Reason("unused", "where no gap is positive the bound is f >= 0"),
    ("gd.descent", "A.step"): Reason(
        "unused",
        "l(θ − γ∇l) <= l − γ(1 − γM/2)|∇l|² for every γ > 0, if M is valid on the segment; beyond 2/M it says that the loss "
        "does not grow too much",
    ),
    ("gd.length", "gd.condition"): Reason("undefined", "where the condition fails the bound is not a real number"),
    ("gd.length", "gd.length"): Reason("undefined", "where the condition fails the bound is not a real number"),
    ("gd.rate", "gd.rate"): Reason(
        "undefined", "where the condition fails there is no radius on whose ball A.gradient_lipschitz could ask for M"
    ),
    ("gd.rate", "gd.condition"): Reason(
        "undefined", "where the condition fails there is no radius on whose ball A.gradient_lipschitz could ask for M"
    ),
    ("sharp.composed", "sharp.condition"): _STATE,
    ("sharp.optimal", "sharp.optimal"): Reason(
        "unused", "the logistic solution is that of the flow for every h (for h > 1/2 its limit is positive)"
    ),
    ("step.majorant", "sharp.condition"): Reason(
        "unused", "σ_min(J_g(t)) >= σ_0 − Λ ℓ(t) at all times; where that is negative the loss only has to fall"
    ),
    ("step.majorant", "when"): Reason(
        "unused", "σ_min(J_g(t)) >= σ_0 − Λ ℓ(t) at all times at which the modulus is valid"
    ),
    ("illposed.semiconvergence", "A.init"): Reason("unused", "G is infinite, and with it the right side"),
    ("illposed.discrepancy", "illposed.discrepancy"): _BUDGET,
    ("illposed.rate", "illposed.rate"): _BUDGET,
    ("dip2.energy", "dip2.energy"): _BUDGET,
    ("illposed.discrepancy", "A.stop.tau"): Reason("undefined", "τ − 1 in a denominator of the bound"),
    ("recover.mu_linear", "A.operator.linear"): Reason("undefined", "σ_min(A) is that of a matrix"),
    ("wonly.descent", "A.loss.min"): _SHIFT,
    ("illposed.energy", "illposed.energy"): Reason("undefined", "the right side has σ_0 − Ω(ℓ) in a denominator"),
    ("wonly.mirror", "A.operator.linear"): Reason("undefined", "B = A V/√k needs a matrix A"),
    ("recover.kernel", "A.operator.linear"): Reason("undefined", "only a matrix has a kernel on which to project"),
    ("recover.split", "A.operator.linear"): Reason("undefined", "only a matrix has a kernel on which to project"),
    ("wonly.stop", "A.noise.positive"): Reason(
        "unused", "the noise does not occur: D' <= −|r|(|r| − |r*|) for every point of the box, whatever y is"
    ),
    ("wonly.stop", "A.stop.tau"): Reason("unused", "τ does not occur in the conclusion that is checked"),
}  # fmt: skip


def reason_for(statement: str, hypothesis: str) -> Reason | None:
    """The argument, or None where none is known.

    >>> reason_for("sharp.length", "A.init").kind
    'implied'
    >>> reason_for("sharp.length", "A.loss.KL") is None
    True
    """
    if (statement, hypothesis) in _PAIRS:
        return _PAIRS[statement, hypothesis]
    claim = claim_of(statement, registry)
    found = (rule(claim, hypothesis) for rule in _RULES)
    return next((reason for reason in found if reason is not None), None)


def _asks(claim: Claim, *names: str) -> str:
    """The first of these that the claim asks for, or nothing."""
    have = {*claim.hypotheses, *(name for name, _ in claim.conditions)}
    return next((name for name in names if name in have), "")


def _speaks_of(claim: Claim) -> set[str]:
    return {str(symbol) for symbol in claim.conclusion.free_symbols}


def _by_statement(claim: Claim, name: str) -> Reason | None:
    if name == claim.id:  # the condition that the statement itself sets
        return None
    if claim.id == "recover.synthesis":
        return Reason("unused", "|S z| <= |S| |z| for every z: generator, loss and data do not enter")
    if claim.id == "sharp.implies_baseline":
        return _ARITHMETIC
    if claim.id == "dip2.balanced" and name.startswith(("A.loss", "A.operator", "A.activation")):
        return _CONSERVED
    if claim.id == "sharp.composed" and name in ("A.init", "A.operator.range", "A.operator.nondegenerate"):
        return _STATE
    if claim.id == "sharp.composed" and name.startswith("A.loss"):
        return _STATE
    if claim.id == "dip2.reduction" and name != "A.network.two_layer":
        return Reason("unused", "a displacement in the coordinates (a, V) has the norm of its two parts")
    if claim.id in ("wonly.rate", "wonly.mirror") and name == "A.loss.min":
        return _SHIFT
    if claim.id == "wonly.mirror" and name.startswith("A.loss"):
        return _IDENTITY
    return None


def _of_loss(claim: Claim, name: str) -> Reason | None:
    for kind in _LEAST_SQUARES:
        if name in _OF_LEAST_SQUARES and name != kind and _asks(claim, kind):
            return Reason("implied", f"least squares ({kind}) has it")
    if name == "A.loss.min" and _asks(claim, "A.loss.KL") and _asks(claim, "A.loss.smooth"):
        return Reason(
            "implied",
            "by A.loss.KL: the gradient flow of L_y from y(0) has length at most psi(L_y(y(0))), so it converges, to a point "
            "where the gradient vanishes, and the inequality leaves no such point with a positive loss",
        )
    if name == "A.loss.unique" and not _speaks_of(claim) & _SEEN_OF_MINIMIZER:
        return Reason(
            "unused", "the conclusion speaks of the loss, not of where it vanishes, and follows from the KL inequality"
        )
    return None


def _of_operator(claim: Claim, name: str) -> Reason | None:
    if name in ("A.operator.smooth", "A.operator.nondegenerate") and _asks(claim, "A.operator.linear"):
        return Reason("implied", "a matrix that is not zero has it (A.operator.linear)")
    if name == "A.operator.nondegenerate":
        by = _asks(claim, *_POSITIVE_SIGMA_F)
        return Reason("implied", f"by {by}, which no σ_F = 0 satisfies") if by else _ZERO
    if name == "A.injective":
        return Reason("unused", "μ = 0 makes the right side infinite")
    return None


def _of_generator(claim: Claim, name: str) -> Reason | None:
    if name == "A.init":
        by = _asks(claim, *_POSITIVE_SIGMA_0)
        if by:
            return Reason("implied", f"by {by}, which no σ_0 = 0 satisfies")
        return _ZERO if "sigma_0" in _speaks_of(claim) else None
    if name == "A.generator.smooth" and _asks(claim, "A.generator.lipschitz"):
        return Reason("implied", "by A.generator.lipschitz on the ball of radius R, which the run does not leave")
    if name == "A.generator.modulus" and _asks(claim, "A.generator.linear_modulus"):
        return Reason("implied", "by A.generator.linear_modulus, with Omega(r) = Λ r")
    if name in ("A.network.two_layer", "A.network.feedforward"):
        return _PARTS
    if name == "A.network.regular_start":
        return Reason("undefined", "at a zero of phi' the primitives of 1/phi' and phi/phi' are infinite")
    if name == "A.activation" and {"B2", "M4"} & _speaks_of(claim):
        return Reason("undefined", "B2 is the constant that the hypothesis asks for")
    if name == "A.activation" and claim.id.startswith("wonly."):
        return Reason("undefined", "H and G, the primitives of 1/phi' and phi/phi', need phi' to be continuous")
    return None


def _of_condition(claim: Claim, name: str) -> Reason | None:
    if name == "A.noise.positive" and "eps" in _speaks_of(claim):
        return Reason("unused", "with no noise the bound, or the time from which it is claimed, is infinite")
    if name == "sharp.condition" and _asks(claim, "gd.condition"):
        return Reason("implied", "by gd.condition, since ν < 1")
    if name in ("sharp.condition", claim.id) and claim.id in _ROOTS:
        return Reason("undefined", "for h > 1/2 the bound is not a real number: ell_star does not exist")
    if name == "sharp.condition" and claim.id in _SHARP:
        return Reason(
            "unused",
            "ρ + σ_F S(ℓ) never increases, so that S(ℓ) <= (ρ_0 − ρ)/σ_F whatever h is, and the inequality holds wherever its "
            "right side is a real number; what needs h < 1/2 is that the rate is positive and that ell_star exists",
        )
    return None


_RULES: tuple[Callable[[Claim, str], Reason | None], ...] = (
    _by_statement, _of_loss, _of_operator, _of_generator, _of_condition,
)  # fmt: skip
