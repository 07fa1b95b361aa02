"""Of several violations, the one to read: not the latest, where both sides are tiny, but the largest."""

from __future__ import annotations

from numerics.chosen import points_of
from numerics.scene import Scene
from theory.claim import Claim
from verify.claims import Finding, check_point, in_force
from verify.verdict import Verdict

__all__ = ["clearer", "clearest"]


def clearer(found: Finding, than: Finding) -> bool:
    """Violated before everything else; of two violations that with the larger slack on the wrong side."""
    ranks = [(one.verdict is Verdict.VIOLATED, -one.slack) for one in (found, than)]
    return ranks[0][0] and (not ranks[1][0] or ranks[0][1] > ranks[1][1])


def clearest(claim: Claim, scene: Scene) -> Finding | None:
    """The violation to read among all stored times of a run; None if there is none."""
    best: Finding | None = None
    for point in points_of(claim.id, scene)[1:]:
        if in_force(claim, point):
            continue
        found = check_point(claim, point)
        if found.verdict is Verdict.VIOLATED and (best is None or clearer(found, best)):
            best = found
    return best
