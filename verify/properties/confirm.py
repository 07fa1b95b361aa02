"""Second looks: what seems violated or stays undecided is run again, more accurately, before it is believed."""

from __future__ import annotations

from collections.abc import Iterable

from numerics.scene import Scene
from numerics.worlds.precise import precise_descent, precise_flow
from theory.claim import Claim
from verify.claims import Summary
from verify.properties.suite import Sample, Suite, run
from verify.verdict import Verdict

__all__ = ["SMALL", "confirmed", "left_open"]

SMALL = 8
"""Up to so many parameters a run is repeated with mpmath."""


_END = frozenset(
    {"theta_tail", "ell_tail", "loss_limit", "loss_star", "residual_h", "D_0", "D_now", "dphi_min", "dist", "T_stop"}
)


def left_open(summary: Summary) -> int:
    """Stored times that are undecided and not attained."""
    return summary.counts.get(Verdict.UNDECIDED, 0) - summary.attained


def confirmed(suite: Suite, sample: Sample, found: dict[str, Summary], *, thorough: bool = False) -> dict[str, Summary]:
    """The summaries, those that seem violated or are undecided from a more accurate run.

    Looked at again is what is violated, and what is undecided everywhere and nowhere attained (`thorough`: undecided anywhere
    without being attained): where a bound is attained no accuracy helps.  First with the smallest tolerance of doubles, then,
    if it is violated or undecided everywhere still and there are few parameters, by a run in mpmath up to the time in
    question; not what is about the end of the run, of which a run that ends earlier says less.
    """
    out = dict(found)
    again = list(_doubtful(out, thorough))
    tighter = sample.engine.tighter
    if again and tighter is not None:
        out.update(suite.judge(run(sample.world, tighter), again))
    if sample.world.size > SMALL:
        return out
    for key in _doubtful({key: out[key] for key in again}, False):
        scene = None if _about_the_end(suite.claims[key]) else _precise(sample, out[key])
        if scene is not None:
            out[key] = suite.judge(scene, [key])[key]
    return out


def _about_the_end(claim: Claim) -> bool:
    relations = [relation for relation in (claim.conclusion, claim.when) if relation is not None]
    return bool(_END & {symbol.name for relation in relations for symbol in relation.free_symbols})


def _doubtful(found: dict[str, Summary], thorough: bool) -> Iterable[str]:
    for key, summary in found.items():
        nowhere = summary.verdict is Verdict.UNDECIDED and not summary.attained
        unsure = left_open(summary) > 0 and (thorough or nowhere)
        if summary.verdict is Verdict.VIOLATED or unsure:
            yield key


def _precise(sample: Sample, summary: Summary) -> Scene | None:
    """The run in mpmath up to the finding that decides; None where there is none."""
    if summary.worst is None or not hasattr(sample.world.loss, "theory"):
        return None
    try:
        if sample.engine.kind == "descent":
            return Scene(precise_descent(sample.world, sample.engine.c, int(summary.worst.t) + 1))
        times = tuple(summary.worst.t * share for share in (0.25, 0.5, 0.75, 1.0))
        return Scene(precise_flow(sample.world, times))
    except LookupError:  # it takes too many steps: what was found by the run in doubles stands
        return None
