"""A claim held against a run: the four verdicts, at every stored time, with what decided them.

A claim is in force at a point if every hypothesis is answered with yes, every condition holds, and `when` does.  Its
conclusion holds there if the slack exceeds the error budget, is violated if it is below minus the budget, and is
undecided in between.  An equation holds if its sides agree within the budget and the budget is small against them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from numerics.assumed import assumed, speaks_of
from numerics.chosen import points_of
from numerics.compile import HypothesisNotMet
from numerics.measured import budget, sides
from numerics.measured_more import cancelling
from numerics.scene import Point, Scene
from theory.claim import Claim
from verify.verdict import Verdict

__all__ = [
    "Finding",
    "Summary",
    "check_point",
    "check_scene",
    "engine_of",
    "hypotheses_met",
    "in_force",
    "relation_holds",
]

_THINNED = {"step.chain_rule": 5}  # a difference quotient for every parameter: not at every stored time
_SHARP = 1e-3  # an equation is tested only where the budget is below this fraction of its sides

#: Symbols of statements that speak of a state, whatever led to it.
_STATE = frozenset({
    "sigma_theta", "sigma_0", "R", "theta_dist", "grad_norm", "loss", "residual", "x_err", "y_err", "eps", "dist",
    "mu", "L_F", "A_norm", "J_change", "Jf_change", "J_pair", "pair_dist", "Omega", "JF_norm", "Lip_F", "J_norm",
    "r", "Lambda", "Lip", "B1", "B2", "c_V", "k", "M4", "sigma_g", "sigma_factor", "f_a", "a_dist", "V_dist",
    "chain_gap", "s", "M", "R_norm", "unseen", "x0_norm", "n", "block_norm", "M_l", "h_prev", "bias", "w_min",
    "S_norm", "g_err", "reach", "sigma_A", "scale",
})  # fmt: skip
_DESCENT_ONLY = frozenset({"wonly.descent"})


def engine_of(claim: Claim) -> str:
    """Which runs a claim speaks of: "flow", "descent", or "any" if it speaks of states only."""
    if claim.id.startswith("gd.") or claim.id in _DESCENT_ONLY:
        return "descent"
    names = {symbol.name for relation in (claim.conclusion, claim.when) if relation is not None
             for symbol in relation.free_symbols}  # fmt: skip
    return "any" if names <= _STATE else "flow"


@dataclass(frozen=True)
class Finding:
    """What a claim says at one stored time: slack ≥ 0 if it holds, `budget` how far the slack may be off."""

    claim: str
    verdict: Verdict
    i: int = 0
    t: float = math.nan
    lhs: float = math.nan
    rhs: float = math.nan
    slack: float = math.nan
    budget: float = math.nan
    why: str = ""

    @property
    def tightness(self) -> float:
        """1 where the conclusion is attained, 0 where it is far from it; above 1 where it is violated."""
        scale = max(abs(self.lhs), abs(self.rhs))
        return 1.0 - self.slack / scale if scale > 0 and math.isfinite(self.slack) else math.nan

    @property
    def attained(self) -> bool:
        """Undecided because the two sides agree to six digits or more: no precision tells equality from a tiny slack."""
        scale = max(abs(self.lhs), abs(self.rhs))
        return self.verdict is Verdict.UNDECIDED and scale > 0 and self.budget <= 1e-6 * scale

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {**self.__dict__, "verdict": str(self.verdict)}


@dataclass
class Summary:
    """A claim over a run: how often each verdict, how many of the undecided are attained, and the finding that decides."""

    claim: str
    counts: dict[Verdict, int] = field(default_factory=dict)
    attained: int = 0
    worst: Finding | None = None
    why: str = ""

    @property
    def verdict(self) -> Verdict:
        """Violated if it is once, else holds if it does once, else undecided if it is once, else hypothesis_not_met."""
        for verdict in (Verdict.VIOLATED, Verdict.HOLDS, Verdict.UNDECIDED):
            if self.counts.get(verdict):
                return verdict
        return Verdict.HYPOTHESIS_NOT_MET

    @property
    def in_force(self) -> int:
        """At how many stored times the claim was in force."""
        return sum(n for verdict, n in self.counts.items() if verdict is not Verdict.HYPOTHESIS_NOT_MET)

    def add(self, finding: Finding) -> None:
        """Count a finding; the one with the least slack relative to its sides is kept, violated ones first."""
        self.counts[finding.verdict] = self.counts.get(finding.verdict, 0) + 1
        self.attained += finding.attained
        if finding.verdict is Verdict.HYPOTHESIS_NOT_MET:
            return
        if self.worst is None or _rank(finding) > _rank(self.worst):
            self.worst = finding


def _rank(finding: Finding) -> tuple[bool, float]:
    tightness = finding.tightness
    return finding.verdict is Verdict.VIOLATED, tightness if math.isfinite(tightness) else -math.inf


_HOLDS = {sp.Le: lambda a, b: a <= b, sp.Lt: lambda a, b: a < b, sp.Ge: lambda a, b: a >= b, sp.Gt: lambda a, b: a > b}


def relation_holds(relation: Any, point: Any) -> bool:
    """Whether a relation holds at a point, rounding apart; LookupError for what is not measured."""
    if isinstance(relation, sp.And):
        return all(relation_holds(part, point) for part in relation.args)
    if relation in (sp.true, sp.false):
        return bool(relation)
    lhs, rhs = sides(relation, point)
    return bool(_HOLDS[type(relation)](lhs, rhs))


def hypotheses_met(claim: Claim, scene: Scene) -> str:
    """Empty if every hypothesis of the claim is answered with yes, else the first that is not, in words."""
    engine = engine_of(claim)
    if engine not in ("any", scene.record.engine):
        return f"it speaks of a {engine}, this is a {scene.record.engine}"
    if not speaks_of(claim.id, scene):
        return "the statement speaks of other instances"
    for name in claim.hypotheses:
        answer = assumed(name, scene)
        if answer is not True and name == "A.operator.range" and "A.loss.KL" in claim.hypotheses:
            answer = assumed("A.operator.range.radial", scene) or answer  # together with KL it serves as well
        if answer is not True:
            return f"{name} {'fails' if answer is False else 'is not known'}"
    return ""


def in_force(claim: Claim, point: Point) -> str:
    """Empty if the conditions of the claim and its `when` hold at the point, else why not."""
    try:
        for name, relation in claim.conditions:
            if not relation_holds(relation, point):
                return f"{name}: {relation} does not hold"
        if claim.when is not None and not relation_holds(claim.when, point):
            return f"not yet: {claim.when}"
    except (LookupError, HypothesisNotMet) as error:
        return str(error)
    return ""


def check_point(claim: Claim, point: Any) -> Finding:
    """The conclusion at one point at which the claim is in force."""
    i, t = int(getattr(point, "i", 0)), math.nan
    try:
        t = float(point.value("t"))
        lhs, rhs = sides(claim.conclusion, point)
        allowed = budget(claim.conclusion, point)
    except LookupError as error:
        return Finding(claim.name, Verdict.HYPOTHESIS_NOT_MET, i, t, why=str(error))
    except HypothesisNotMet as error:
        return Finding(claim.name, Verdict.UNDECIDED, i, t, why=str(error))
    if isinstance(claim.conclusion, sp.Eq):
        slack = -abs(lhs - rhs)
        sharp = allowed <= _SHARP * max(abs(lhs), abs(rhs), _scale(point, claim))
        verdict = Verdict.VIOLATED if slack < -allowed else Verdict.HOLDS if sharp else Verdict.UNDECIDED
    else:
        slack = float(rhs - lhs if isinstance(claim.conclusion, sp.Le | sp.Lt) else lhs - rhs)
        verdict = Verdict.VIOLATED if slack < -allowed else Verdict.HOLDS if slack > allowed else Verdict.UNDECIDED
    return Finding(claim.name, verdict, i, t, float(lhs), float(rhs), float(slack), float(allowed))


def _scale(point: Any, claim: Claim) -> float:
    """For equations with zero on one side: the size of what cancels."""
    names = {symbol.name for symbol in claim.conclusion.free_symbols}
    if "chain_gap" in names or "mirror_gap" in names:
        return float(point.value("ell_dot"))
    if "conserved" in names:  # half of the largest |v_i|^2, from which G(a_i) is taken
        return 0.5 * float(np.max(np.sum(point.net.V**2, axis=0)))
    return cancelling(point) if "x0_norm" in names else 0.0


def check_scene(claim: Claim, scene: Scene, points: Iterable[Point] | None = None) -> Summary:
    """The claim at every stored time but the start, where most bounds are attained by definition."""
    summary = Summary(claim.name)
    summary.why = hypotheses_met(claim, scene)
    if summary.why:
        return summary
    if points is None:
        stored = len(scene.record)
        points = [point for point in points_of(claim.id, scene) if point.i % stored][:: _THINNED.get(claim.id, 1)]
    for point in points:
        why = in_force(claim, point)
        if why:
            summary.why = summary.why or why
            summary.add(Finding(claim.name, Verdict.HYPOTHESIS_NOT_MET, point.i, why=why))
        else:
            summary.add(check_point(claim, point))
    return summary
