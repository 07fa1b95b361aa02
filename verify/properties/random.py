"""Statements that hold with a probability, against draws: confidence statements that survive every look."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from theory.ledger import registry
from verify.properties.runner import Depth, Say
from verify.properties.suite import PROBABLE
from verify.properties.tally import Tally
from verify.verdict import Verdict

__all__ = ["NAME", "TITLE", "experiments", "missing", "run_random"]

NAME = "random"
TITLE = "statements with a probability, by anytime-valid confidence limits of drawn instances"


def experiments() -> Mapping[str, Any]:
    """Statement → experiment; empty if there are none in this installation."""
    try:
        found: Mapping[str, Any] = import_module("verify.random_claims").EXPERIMENTS
    except ModuleNotFoundError as error:
        if error.name != "verify.random_claims":
            raise
        return {}
    return found


def missing() -> dict[str, str]:
    """Statements with a conclusion that hold with a probability and have no experiment → the reason."""
    known = experiments()
    return {
        key: "it holds with a probability over the draw of the network, and no experiment draws for it"
        for key, item in registry.items()
        if item.conclusion is not None and PROBABLE & set(item.hypotheses) and key not in known
    }


def run_random(depth: Depth, *, seed: int = 0, minutes: float = math.inf, say: Say | None = None) -> Tally:
    """Every experiment; a configuration counts as one example.  What stays undecided, as a probability near 1, is not refuted."""
    deadline = time.monotonic() + 60 * minutes
    known = experiments()
    tally = Tally(NAME, 1)
    if not known:
        tally.note = "no experiments are installed"
        return tally
    outcomes = import_module("verify.random_claims").outcomes
    try:
        for done, key in enumerate(known):
            if say is not None:
                say(NAME, done, len(known))
            if time.monotonic() > deadline:
                tally.note = f"ended after {minutes:g} minutes"
                break
            line = tally.line(key)
            line.drawn = True
            for outcome in outcomes(key, seed=seed, draws=depth.draws):
                tally.examples += 1
                line.examples += 1
                verdict = Verdict(outcome.verdict)
                line.counts[verdict] += 1
                line.in_force += verdict is not Verdict.HYPOTHESIS_NOT_MET
                if verdict is Verdict.VIOLATED:
                    line.cases.append(outcome.text)
    except KeyboardInterrupt:
        tally.interrupted = True
    return tally
