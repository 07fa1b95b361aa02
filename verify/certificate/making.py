"""From a problem to a certificate: at the start if a condition holds there, else where along the flow one first does."""

from __future__ import annotations

import math
import time
from typing import Any, Literal, Protocol

from threadpoolctl import threadpool_limits

from verify.problem import Problem
from verify.tables import ProblemError

from . import claims as convergence_claims
from . import search
from .book import Book
from .certificate import Certificate
from .evidence import Evidence
from .parts import Claim
from .range import in_range
from .recovery import recovery
from .subject import Subject, of_problem
from .wonly import threshold

At = Literal["best", "start"] | float

#: Seconds for which the flow is followed by default.
MAX_TIME = 300.0
# Entries of the p × k matrix below which a second BLAS thread slows the flow down.
_SMALL = 200_000


class Progress(Protocol):
    """What follows a long computation."""

    def stage(self, text: str) -> None:
        """Something else begins."""

    def __call__(self, t: float, loss: float, loss_stop: float) -> None:
        """The flow has got so far."""


def certify(
    source: Problem | Subject,
    at: At = "best",
    *,
    max_time: float = MAX_TIME,
    level: float | None = None,
    progress: Progress | None = None,
) -> Certificate:
    """A certificate for `source`; never raises because a condition fails: then the verdict says so.

    Parameters
    ----------
    source: a problem (:func:`verify.build`), or a subject from arrays or a checkpoint file.
    at: "start": the parameters as they are. "best": the start if a claim of convergence is proved there, else the earliest
        stored point of the flow from there at which one is (the end of the run if none is found). A number: that time.
    max_time: seconds for which the flow is followed at most.
    level: residual norm for which a stopping time is stated; by default the noise level if it is known, else a thousandth of ρ.
    progress: called along the way.

    Raises
    ------
    ProblemError: a loss, an activation or a time that cannot be certified, or numbers whose products leave the range of doubles.
    """
    if not (at in ("best", "start") or (isinstance(at, int | float) and 0 <= float(at) < math.inf)):
        raise ProblemError(f"--at {at}: give a time of at least 0, start, or best")
    if not max_time > 0:
        raise ProblemError(f"--max-time {max_time}: give a positive number of seconds")
    subject = source if isinstance(source, Subject) else of_problem(source)
    in_range(subject)
    small = subject.p * subject.k < _SMALL
    with threadpool_limits(limits=1 if small else None, user_api="blas"):
        return _certify(subject, source, at, max_time, level, progress)


def _certify(
    subject: Subject, source: Problem | Subject, at: At, max_time: float, level: float | None, progress: Progress | None
) -> Certificate:
    began = time.monotonic()
    evidence = Evidence(subject)
    _say(progress, "bounds at the start")
    level = _level(source) if level is None else level
    if at == "start" or at == 0:
        return _complete(evidence, level, {"at": "0"})
    settings = _settings(source)
    if at == "best":
        first = _at(evidence, level)
        if first is not None:
            return _complete(evidence, level, {"at": "0"}, first)
        return _search(evidence, level, max_time - (time.monotonic() - began), settings, progress)
    problem, B = search.reduced(evidence)
    state = search.state_after(problem, float(at), max_time, settings, progress)
    here = _there(evidence, problem, B, state)
    _say(progress, "bounds there")
    return _complete(here, level, {"at": repr(state.t)})


def _search(
    evidence: Evidence, level: float | None, seconds: float, settings: dict[str, Any], progress: Progress | None
) -> Certificate:
    """Follow the flow until a claim of convergence is proved; the certificate of the last point if none is."""
    subject = evidence.subject
    hopeless = subject.train == "W" and subject.k < subject.p  # sigma_0 = 0 whatever the parameters
    if hopeless or not evidence.full_rank:
        return _complete(evidence, level, {"at": "0"})
    problem, B = search.reduced(evidence)
    _say(progress, "gradient flow")
    run = search.Run(problem, evidence.sigma_F, max(seconds, 1e-3), settings, progress)
    for state in run.candidates():
        here = _there(evidence, problem, B, state)
        _say(progress, "bounds at a candidate")
        found = _at(here, level)
        if found is not None:
            return _complete(here, level, {"at": repr(state.t)}, found)
        _say(progress, "gradient flow")
    last = _there(evidence, problem, B, run.end)
    origin = {"at": repr(run.end.t), "ended": run.message}
    if run.rate > 0:
        origin["rate"] = f"{run.rate:.6g}"
    certificate = _complete(last, level, origin, rate=run.rate)
    # wonly.threshold does not depend on a: what it proves at the end of the run it proves at the start
    return certificate if certificate.verdict != "PROVED" else _complete(evidence, level, {"at": "0"})


def _there(evidence: Evidence, problem: Any, B: Any, state: search.State) -> Evidence:
    subject = evidence.subject
    V = search.lifted(subject, problem, B, state.network)
    return evidence.at(subject.at(state.network.a, V, {}))


def _at(evidence: Evidence, level: float | None) -> tuple[Book, list[Claim]] | None:
    """The claims of convergence with a rate at a point if one of them is proved."""
    book = Book(evidence)
    found = convergence_claims.convergence(book, _below(level, evidence))
    return (book, found) if any(claim.verdict == "PROVED" for claim in found) else None


def _complete(
    evidence: Evidence,
    level: float | None,
    origin: dict[str, str],
    done: tuple[Book, list[Claim]] | None = None,
    rate: float = 0.0,
) -> Certificate:
    """All claims at a point; obligations and witnesses that none of them uses are left out."""
    if done is None:
        book = Book(evidence, rate)
        found = convergence_claims.convergence(book, _below(level, evidence))
    else:
        book, found = done
    found = [*found, *threshold(book, found), *recovery(book, found)]
    used = {name for claim in found if claim.verdict != "UNKNOWN" for name in claim.uses}
    obligations = tuple(item for name, item in book.obligations.items() if name in used)
    names = {name for item in obligations for name in item.witnesses}
    witnesses = {name: array for name, array in book.witnesses.items() if name in names}
    return Certificate(evidence.subject, tuple(found), obligations, witnesses, {**evidence.subject.origin, **origin})


def _below(level: float | None, evidence: Evidence) -> float | None:
    """The level of the stopping time: the one wanted if the residual is still above it, else a thousandth of the residual."""
    rho = evidence.rho[1]
    if level is not None and 0 < level < rho:
        return level
    return float(f"{1e-3 * rho:.2g}") if 1e-3 * rho > 1e-300 else None


def _level(source: Problem | Subject) -> float | None:
    """The noise level of a problem, where it is known and positive."""
    if isinstance(source, Problem) and source.noise_norm is not None and source.noise_norm.value > 0:
        return float(source.noise_norm.value)
    return None


def _settings(source: Problem | Subject) -> dict[str, Any]:
    """How the flow is followed: as the problem file says, or with a tolerance of 1e-8."""
    if isinstance(source, Problem):
        flow = source.spec.flow
        return {
            "rtol": flow.rtol, "atol": 1e-3 * flow.rtol, "method": flow.method, "points_per_decade": flow.points_per_decade,
        }  # fmt: skip
    return {"rtol": 1e-8, "atol": 1e-11, "method": "auto", "points_per_decade": 8}


def _say(progress: Progress | None, text: str) -> None:
    if progress is not None:
        progress.stage(text)
