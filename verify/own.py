"""A statement of your own, held against instances: refuted with a small counterexample, or not.

>>> import sympy as sp
>>> from theory.statement import Statement
>>> from theory.symbols import sym
>>> short = Statement(
...     id="own.short", kind="theorem", origin="new", title="A short path", text="ell <= rho_0/(sigma_F sigma_0).",
...     hypotheses=("A.loss.KL", "A.operator.range", "A.init", "A.generator.linear_modulus"), uses=("sharp.condition",),
...     conclusion=sp.Le(sym("ell"), sym("rho_0") / (sym("sigma_F") * sym("sigma_0"))),
... )
>>> result = check_statement(short, examples=20)
>>> result.verdict, result.case.world.label
(<Verdict.VIOLATED: 'violated'>, 'extremal, h = 0.25')
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import hypothesis
import sympy as sp
from hypothesis import strategies as st
from hypothesis.database import ExampleDatabase
from hypothesis.errors import NoSuchExample, Unsatisfiable

from numerics.compile import HypothesisNotMet
from numerics.measured import MEASURED
from numerics.worlds import World
from theory.claim import Claim, claim_of
from theory.ledger import Item, registry
from theory.statement import Statement
from verify.case import Case
from verify.claims import Summary, check_scene, engine_of
from verify.clearest import clearest
from verify.database import remember, remembered
from verify.engine import Engine, simulate
from verify.verdict import Verdict

__all__ = ["OwnResult", "check_statement", "claim_in"]

_QUIET = tuple(hypothesis.HealthCheck)
_RELATIONS = (sp.Le, sp.Lt, sp.Ge, sp.Gt, sp.Eq)


@dataclass
class OwnResult:
    """What was found.

    `verdict`: violated (then `case` replays the counterexample), holds, undecided, or hypothesis_not_met if no instance met
    the hypotheses: then nothing was tested.  `examples` instances were run, on `non_vacuous` of them the statement was in
    force, at `times` stored times; on `attained` of them both sides agree to six digits somewhere, which no precision tells
    from a tiny slack and which counts as holding.  `tightest`: the largest share of one side that the other one reached.
    """

    statement: str
    verdict: Verdict
    examples: int
    non_vacuous: int
    times: int
    attained: int = 0
    tightest: float = math.nan
    case: Case | None = None
    why: str = ""

    def __str__(self) -> str:
        counts = f"{self.examples} instances, in force on {self.non_vacuous} of them, at {self.times} stored times"
        if self.case is None:
            lines = [f"{self.statement}: {self.verdict}", f"  {counts}"]
            if self.attained:
                lines.append(f"  attained, to six digits or more, on {self.attained}")
            elif math.isfinite(self.tightest):
                lines.append(f"  tightest: one side is {_percent(self.tightest)} of the other (100% would be equality)")
            if self.verdict is Verdict.HOLDS:
                lines.append(f"  holds means: not refuted on {self.non_vacuous} instances; it is no proof")
            if self.verdict is Verdict.HYPOTHESIS_NOT_MET:
                lines.append(f"  nothing was tested: {self.why}")
            return "\n".join(lines)
        finding, world = self.case.finding, self.case.world
        when = f"step {finding.t:g}" if self.case.engine.kind == "descent" else f"t = {finding.t:.4g}"
        lines = [
            f"{self.statement}: violated",
            f"  {counts}",
            f"  smallest counterexample: {world.label or world.generator.kind}",
            f"  at {when}: left side {finding.lhs:.6g}, right side {finding.rhs:.6g}",
            f"  slack {finding.slack:.3g}, error budget {finding.budget:.1e}, at the tightest tolerance",
        ]
        return "\n".join(lines)


def _percent(share: float) -> str:
    """A share in percent, with as many digits as tell it from 100%.

    >>> _percent(0.5), _percent(0.99999991), _percent(1.0)
    ('50%', '99.999991%', '100%')
    """
    if share == 1:
        return "100%"
    away = abs(1.0 - share)
    digits = 4 if away > 1e-2 else min(17, 3 - math.floor(math.log10(away)))
    return f"{100 * share:.{digits}g}%"


@dataclass
class _Trial:
    """Counts what the instances of a search say."""

    claim: Claim
    engine: Engine
    examples: int = 0
    non_vacuous: int = 0
    times: int = 0
    undecided: int = 0
    attained: int = 0
    tightest: float = math.nan
    why: str = ""

    def __call__(self, world: World) -> bool:
        """Whether the instance refutes the claim."""
        if not isinstance(world, World):
            raise TypeError(f"the strategy has drawn a {type(world).__name__}; it must draw numerics.worlds.World")
        self.examples += 1
        summary = self.checked(world, self.engine)
        if summary is None or not summary.in_force:
            self.why = self.why or (summary.why if summary is not None else "the instance cannot be run")
            return False
        self.non_vacuous += 1
        self.times += summary.in_force
        self.attained += summary.attained > 0
        self.undecided += summary.verdict is Verdict.UNDECIDED and not summary.attained
        if summary.worst is not None and math.isfinite(summary.worst.tightness):
            tightness = summary.worst.tightness
            if hypothesis.currently_in_test_context():
                hypothesis.target(tightness)
            if summary.verdict is not Verdict.VIOLATED and not tightness <= self.tightest:
                self.tightest = tightness
        return summary.verdict is Verdict.VIOLATED

    def checked(self, world: World, engine: Engine) -> Summary | None:
        """The claim over the run; None if the world has no run of this kind."""
        try:
            return check_scene(self.claim, simulate(world, engine))
        except (LookupError, HypothesisNotMet):
            return None


def check_statement(
    statement: Statement,
    strategy: st.SearchStrategy[World] | None = None,
    *,
    engine: Engine | None = None,
    examples: int = 100,
    seed: int = 0,
    kept: ExampleDatabase | None = None,
    declared_in: str = "",
) -> OwnResult:
    """Hold a statement that is not in the registry against drawn instances; a counterexample is shrunk.

    `strategy` draws worlds (by default the extremal family, quadratic maps and two-layer networks of
    :mod:`verify.strategies`), `engine` says how they are run; `declared_in` is the Python file that declares the statement,
    for ``dipcert replay --theorem``.  `hypotheses` and `uses` of the statement name what is registered.

    Raises ValueError if the statement has no conclusion, speaks of what nobody measures, or names what does not exist, and
    if `examples` is below 1; TypeError if the strategy does not draw worlds.
    """
    if isinstance(examples, bool) or not isinstance(examples, int) or examples < 1:
        raise ValueError(f"examples = {examples!r}; it must be a whole number, at least 1")
    if strategy is not None and not isinstance(strategy, st.SearchStrategy):
        raise TypeError(
            f"the strategy is a {type(strategy).__name__}; give a Hypothesis strategy that draws numerics.worlds.World"
        )
    claim = _claim(statement)
    if engine is None:
        engine = Engine("descent") if engine_of(claim) == "descent" else Engine(loss_ratio=1e-9, t_max=200.0)
    trial, key = _Trial(claim, engine), f"own {statement.id}"
    settings = hypothesis.settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=_QUIET,
        phases=(hypothesis.Phase.generate, hypothesis.Phase.target, hypothesis.Phase.shrink),
    )  # fmt: skip
    try:
        worlds = _default() if strategy is None else strategy
        world = _again(trial, remembered(kept, key)) or hypothesis.find(
            worlds, trial, settings=settings, random=Random(seed)
        )
    except (NoSuchExample, Unsatisfiable):
        return _result(statement, trial)
    tight = engine.tighter or engine
    finding = clearest(claim, simulate(world, tight))
    if finding is None:
        trial.undecided += 1  # not there at the tightest tolerance
        return _result(statement, trial)
    remember(kept, key, world.to_json())
    theorem = f"{Path(declared_in).name or 'a file of your own'}:{statement.id}"
    case = Case(statement.id, world, tight, finding, note=statement.title, theorem=theorem, own=claim)
    return _result(statement, trial, case)


def _again(trial: _Trial, kept: list[Any]) -> World | None:
    """The first of the worlds that earlier searches have kept that still refutes."""
    for data in kept:
        try:
            world = World.from_json(data)
        except (ValueError, KeyError, TypeError):
            continue
        if trial(world):
            return world
    return None


def _result(statement: Statement, trial: _Trial, case: Case | None = None) -> OwnResult:
    verdict = Verdict.HOLDS
    if case is not None:
        verdict = Verdict.VIOLATED
    elif trial.non_vacuous == 0:
        verdict = Verdict.HYPOTHESIS_NOT_MET
    elif trial.undecided:
        verdict = Verdict.UNDECIDED
    return OwnResult(
        statement.id,
        verdict,
        trial.examples,
        trial.non_vacuous,
        trial.times,
        trial.attained,
        trial.tightest,
        case,
        trial.why,
    )


def _default() -> st.SearchStrategy[World]:
    from verify import strategies

    plain = strategies.quadratic(loss=("least_squares",), operator="identity")
    return st.one_of(strategies.extremal(), plain, strategies.two_layer(loss=("least_squares",), width=4))


def _claim(statement: Statement) -> Claim:
    """The claim; ValueError, in the user's words, for a statement that cannot be checked."""
    if statement.id in registry:
        raise ValueError(f"{statement.id} is registered already; give your statement an identifier of its own")
    unknown = [name for name in (*statement.hypotheses, *statement.uses) if name not in registry]
    if unknown:
        raise ValueError(
            f"{statement.id} names {', '.join(unknown)}, which the registry does not have; see `dipcert list`"
        )
    if statement.conclusion is None:
        raise ValueError(
            f"{statement.id} has no conclusion: give a SymPy relation, as in sp.Le(sym('ell'), sym('rho_0'))"
        )
    if type(statement.conclusion) not in _RELATIONS:
        what = statement.conclusion
        found = f"SymPy has evaluated to {what}" if what in (True, False, sp.true, sp.false) else f"is {what}"
        raise ValueError(
            f"{statement.id} has a conclusion that {found}: write it with evaluate=False, as one of Le, Lt, Ge, Gt, Eq "
            "with a side each"
        )
    items: Mapping[str, Item] = ChainMap({statement.id: statement}, registry)  # type: ignore[arg-type]
    claim = claim_of(statement.id, items)
    relations = [claim.conclusion, claim.when, *(relation for _, relation in claim.conditions)]
    names = {str(symbol) for relation in relations if relation is not None for symbol in relation.free_symbols}
    missing = sorted(names - set(MEASURED))
    if missing:
        raise ValueError(
            f"{statement.id} speaks of {', '.join(missing)}, which nobody measures on a run; "
            f"write it with what is measured: {', '.join(sorted(MEASURED))}"
        )
    return claim


def claim_in(file: Path, identifier: str) -> Claim:
    """The claim of the statement of this identifier that a Python file declares; the file is run.

    What it prints goes to stderr.  Raises ValueError, in the user's words, if there is none.
    """
    import runpy

    if not file.is_file():
        raise ValueError(f"--theorem {file}: there is no such file; give the Python file that declares {identifier}")
    try:
        with contextlib.redirect_stdout(sys.stderr):
            declared = runpy.run_path(str(file), run_name="__dipcert_theorem__")
    except KeyboardInterrupt:
        raise
    except SystemExit as error:
        raise ValueError(
            f"--theorem {file} ended the program, with sys.exit({'' if error.code is None else repr(error.code)}); "
            "put that under if __name__ == '__main__'"
        ) from None
    except BaseException as error:
        raise ValueError(f"--theorem {file} could not be run ({type(error).__name__}: {error})") from None
    found: dict[str, Any] = {value.id: value for value in declared.values() if isinstance(value, Statement)}
    if identifier not in found:
        raise ValueError(f"--theorem {file} declares {', '.join(found) or 'no statement'}, not {identifier}")
    return _claim(found[identifier])
