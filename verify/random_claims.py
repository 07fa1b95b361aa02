"""Claims "with probability at least 1 - delta" held against draws, with confidence limits that survive every look.

:func:`check_claim` draws until the claim is refuted or confirmed or the draws are used up.  It looks after every batch, so
the limits are those of :mod:`numerics.confidence` that are wrong at *any* look with probability at most `alpha`:

``violated``            the upper limit of the frequency of success is below what is promised
``holds``               the lower limit is above it
``undecided``           neither: not refuted, with the limits as evidence (a probability near 1 takes many draws to confirm,
                        and an equation is never confirmed)
``hypothesis_not_met``  no configuration was found at which the claim says something

>>> outcome = run_experiment("wonly.width", seed=1, draws=200)
>>> str(outcome.verdict), outcome.failure
('holds', 0.0)
>>> from theory.mutant import Mutant
>>> from theory.symbols import sym
>>> wrong = Mutant("twice", "sigma_0 is twice as large", substitute={sym("sigma_0"): sym("sigma_0") / 2})
>>> str(run_experiment("dip2.sigma0", seed=1, draws=200, mutant=wrong).verdict)
'violated'
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from numerics.confidence import bounded_mean, mixture
from theory.claim import Claim
from theory.mutant import Mutant
from verify.random_cases import Case, Experiment, claim_about, own_condition, side_values, slack_of
from verify.random_draws import Configuration
from verify.random_experiments import EXPERIMENTS
from verify.verdict import Verdict

__all__ = ["ALPHA", "EXPERIMENTS", "RandomOutcome", "check_claim", "outcomes", "run_experiment"]

Array = NDArray[np.float64]
Stop = Callable[[], bool]

ALPHA = 1e-6
"""Probability with which a check refutes (or confirms) wrongly."""
_NUMBERS = 2_000_000  # at most so many normal numbers are drawn at once
_ROUNDING = 1e-9  # a relative slack below it is no answer


@dataclass(frozen=True)
class RandomOutcome:
    """What the draws of one configuration say about a claim.

    statement, mutant, case: what was tested (mutant "" for the statement itself).
    verdict: see the module.  text: the outcome in a sentence.
    draws: how many counted (met the condition, where that depends on the draw).
    successes: in how many of them the event occurred (None where a mean is estimated from numbers).
    unsure: in how many floating point could not tell (they count against confirming and against refuting).
    lower, upper: confidence limits of the probability, or of the mean; promised: what is claimed of it.
    delta: the failure probability granted in the configuration; alpha: error probability of this verdict.
    configuration, seed: make the same draws again (:func:`check_claim` with the same number of draws).
    """

    statement: str
    mutant: str
    case: str
    verdict: Verdict
    draws: int
    successes: int | None
    unsure: int
    lower: float
    upper: float
    promised: float
    delta: float
    alpha: float
    seed: int
    configuration: dict[str, Any] = field(hash=False)
    text: str = ""

    @property
    def failure(self) -> float:
        """Share of the draws in which the event did not occur, to be compared with 1 - promised; NaN for a mean."""
        return math.nan if self.successes is None or not self.draws else 1 - self.successes / self.draws

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary with the verdict as text."""
        return {**self.__dict__, "verdict": str(self.verdict)}


@dataclass
class _Sample:
    """What has been drawn so far, and the limits that follow."""

    case: Case
    configuration: Configuration
    claim: Claim
    horizon: int
    draws: int = 0
    sure: int = 0
    unsure: int = 0
    numbers: list[Array] = field(default_factory=list)

    def add(self, values: dict[str, Any], count: int) -> None:
        self.draws += count
        relation = self.claim.conclusion
        if self.case.promised is None:
            measured = np.broadcast_to(side_values(relation.lhs, values), (count,))
            if self.case.spread is None:
                self.sure += int(np.sum(measured > 0.5))
            else:
                self.numbers.append(measured)
            return
        met = np.ones(count, dtype=bool)
        if self.case.gated and own_condition(self.claim) is not None:
            room, size = slack_of(own_condition(self.claim), values)
            met = np.broadcast_to(room > _ROUNDING * size, (count,))
            self.draws += int(met.sum()) - count
        slack, scale = (np.broadcast_to(x, np.broadcast_shapes(x.shape, (count,) + (1,) * (x.ndim - 1)))
                        for x in slack_of(relation, values))  # fmt: skip
        yes = slack >= _ROUNDING * scale
        no = slack < -_ROUNDING * scale
        trailing = tuple(range(1, slack.ndim))
        success = yes.all(axis=trailing)
        self.sure += int(np.sum(met & success))
        self.unsure += int(np.sum(met & ~success & ~no.any(axis=trailing)))

    def limits(self, alpha: float) -> tuple[float, float]:
        if self.case.spread is not None:
            low, high = self.case.spread(self.configuration)
            if not self.numbers:
                return low, high
            lower, upper = bounded_mean(np.concatenate(self.numbers), low, high, alpha, horizon=self.horizon)
            return float(lower[-1]), float(upper[-1])
        # what is unsure is a failure for the lower limit and a success for the upper one
        lower, upper = mixture([self.sure, self.sure + self.unsure], self.draws, alpha)
        return float(lower[0]), float(upper[1])


def _judge(relation: Any, event: bool, lower: float, upper: float, promised: float) -> Verdict:
    above = event or isinstance(relation, sp.Ge | sp.Gt)
    below = not event and isinstance(relation, sp.Le | sp.Lt)
    if above or below:
        refuted, confirmed = (upper < promised, lower > promised) if above else (lower > promised, upper < promised)
    else:
        refuted, confirmed = not lower <= promised <= upper, False
    return Verdict.VIOLATED if refuted else Verdict.HOLDS if confirmed else Verdict.UNDECIDED


def check_claim(
    experiment: Experiment,
    case: Case,
    configuration: Configuration,
    *,
    seed: int,
    draws: int,
    mutant: Mutant | None = None,
    alpha: float = ALPHA,
    stop: Stop | None = None,
) -> RandomOutcome:
    """Draw at most `draws` instances of one configuration and judge one case of a statement, or of a mutant of it.

    (`case.repeat` times as many, where one draw is cheap and says little.)  The configuration is first moved to where the
    claim says something (:attr:`verify.random_cases.Case.fit`).  Raises LookupError if the mutant does not touch the case.
    `stop` is asked between batches; what was found until then is judged.
    """
    name = f"{experiment.statement}/{mutant.name}" if mutant else experiment.statement
    claim = claim_about(experiment.statement, case, mutant)
    if claim is None:
        raise LookupError(
            f"{name} changes nothing of what is drawn in the case {case.name!r} of {experiment.statement}"
        )
    c = case.fit(case, configuration, claim)
    event = case.promised is not None
    if c is None or (event and not 0 < case.promised(c) <= 1):  # type: ignore[misc]
        return _outcome(
            experiment, mutant, case, configuration, None, math.nan, alpha, seed, Verdict.HYPOTHESIS_NOT_MET
        )
    known = case.values(c)
    promised = float(case.promised(c)) if case.promised else float(side_values(claim.conclusion.rhs, known))
    if math.isnan(promised):
        return _outcome(experiment, mutant, case, c, None, promised, alpha, seed, Verdict.HYPOTHESIS_NOT_MET)
    budget = draws * case.repeat
    sample, rng = _Sample(case, c, claim, budget), np.random.default_rng(seed)
    batch, most, tried = 16, max(1, _NUMBERS // (c.k * (c.n + 1))), 0
    verdict = Verdict.UNDECIDED
    while tried < budget and verdict is Verdict.UNDECIDED and not (stop and stop()):
        count = min(batch, most, budget - tried)
        sample.add({**known, **case.draw(c, rng, count)}, count)
        batch, tried = 2 * batch, tried + count
        verdict = _judge(claim.conclusion, event, *sample.limits(alpha), promised)
    if tried and not sample.draws:  # the condition was met by none of them
        return _outcome(experiment, mutant, case, c, None, promised, alpha, seed, Verdict.HYPOTHESIS_NOT_MET)
    return _outcome(experiment, mutant, case, c, sample, promised, alpha, seed, verdict)


def _outcome(
    experiment: Experiment,
    mutant: Mutant | None,
    case: Case,
    c: Configuration,
    sample: _Sample | None,
    promised: float,
    alpha: float,
    seed: int,
    verdict: Verdict,
) -> RandomOutcome:
    lower, upper = (math.nan, math.nan) if sample is None else sample.limits(alpha)
    counted = sample is not None and case.spread is None
    outcome = RandomOutcome(
        statement=experiment.statement,
        mutant=mutant.name if mutant else "",
        case=case.name,
        verdict=verdict,
        draws=sample.draws if sample else 0,
        successes=sample.sure if sample and counted else None,
        unsure=sample.unsure if sample else 0,
        lower=lower,
        upper=upper,
        promised=promised,
        delta=c.delta,
        alpha=alpha,
        seed=seed,
        configuration=c.to_json(),
    )
    return _with_text(outcome, case, c)


def _with_text(outcome: RandomOutcome, case: Case, c: Configuration) -> RandomOutcome:
    name = f"{outcome.statement}/{outcome.mutant}" if outcome.mutant else outcome.statement
    where = f"{name}, {case.name} ({c}): {case.text}"
    if outcome.verdict is Verdict.HYPOTHESIS_NOT_MET:
        text = f"{where}: nothing is claimed here, nor was anything found near it at which something is"
    else:
        ending = {Verdict.HOLDS: "confirmed", Verdict.VIOLATED: "refuted"}.get(outcome.verdict, "not refuted")
        share = f"in {outcome.successes} of {outcome.draws} draws" if outcome.successes is not None else (
            f"estimated from {outcome.draws} draws")  # fmt: skip
        text = (
            f"{where}: {share}; claimed {outcome.promised:.8g}, {outcome.lower:.6g} to {outcome.upper:.6g} with "
            f"confidence 1 - {outcome.alpha:.2g}: {ending}"
        )
        if outcome.unsure:
            text += f" ({outcome.unsure} draws are too close to call)"
    return RandomOutcome(**{**outcome.__dict__, "text": text})


def outcomes(
    statement: str,
    *,
    seed: int,
    draws: int,
    mutant: Mutant | None = None,
    alpha: float = ALPHA,
    stop: Stop | None = None,
) -> Iterator[RandomOutcome]:
    """One outcome for every configuration of every case: the listed ones and one drawn from the seed, at most `draws` each.

    The error probability is shared: that any of the verdicts is wrong has probability at most `alpha`.  Cases that a mutant
    leaves as they are do not occur; LookupError if that is all of them.  KeyError for a statement without an experiment.
    """
    if statement not in EXPERIMENTS:
        raise KeyError(f"{statement} has no experiment; there is one for {', '.join(EXPERIMENTS)}")
    experiment = EXPERIMENTS[statement]
    cases = [case for case in experiment.cases if claim_about(statement, case, mutant) is not None]
    if not cases:
        assert mutant is not None
        raise LookupError(f"{statement}/{mutant.name} changes nothing of what the experiment on {statement} draws")
    todo = []
    for i, case in enumerate(cases):
        drawn = case.family.draw(np.random.default_rng([seed, i]))
        todo += [(case, c) for c in (*case.configurations, drawn)]
    for j, (case, c) in enumerate(todo):
        if stop and stop():
            return
        own = int(np.random.SeedSequence([seed, j]).generate_state(1)[0])
        yield check_claim(experiment, case, c, seed=own, draws=draws, mutant=mutant, alpha=alpha / len(todo), stop=stop)


def run_experiment(
    statement: str, *, seed: int, draws: int, mutant: Mutant | None = None, stop: Stop | None = None
) -> RandomOutcome:
    """The worst of :func:`outcomes`: a refutation as soon as there is one, else what came nearest to one.

    LookupError if it was stopped before anything was drawn, and as in :func:`outcomes`.
    """
    worst: RandomOutcome | None = None
    for outcome in outcomes(statement, seed=seed, draws=draws, mutant=mutant, stop=stop):
        if outcome.verdict is Verdict.VIOLATED:
            return outcome
        if worst is None or _rank(outcome) < _rank(worst):
            worst = outcome
    if worst is None:
        raise LookupError(f"{statement}: stopped before the first draw")
    return worst


def _rank(outcome: RandomOutcome) -> tuple[int, float]:
    """What is undecided comes before what holds, and that before what claims nothing; then by the room to the claim."""
    order = (Verdict.UNDECIDED, Verdict.HOLDS, Verdict.HYPOTHESIS_NOT_MET)
    room = outcome.upper - outcome.promised
    return order.index(outcome.verdict), math.inf if math.isnan(room) else room
