"""The audit: every instance is run once, every statement is held against it, and what was seen is kept.

A claim that is undecided on an instance (at depth dev: and on all before it) is asked again of a run with the smallest
tolerance of double precision, and so is a violated one: it has to be violated there too, or the report says that it was
not confirmed.  An interrupt ends the walk, never what it has found.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from verify.audit.evidence import Evidence, auditable
from verify.audit.findings import Found, case_of, found_in, written
from verify.audit.looseness import Looseness, watch
from verify.audit.order import walk
from verify.audit.status import Audited, audited
from verify.audit.waterfall import WATERFALLS
from verify.claims import Summary, check_scene
from verify.engine import simulate
from verify.hunt import Stage
from verify.verdict import Verdict

if TYPE_CHECKING:
    from numerics.scene import Scene
    from theory.claim import Claim
    from theory.statement import Hypothesis, Statement
    from theory.status import Status
    from verify.case import Case
    from verify.pool import Instance

    Item = Hypothesis | Statement

__all__ = ["SCHEMA", "Audit", "audit"]

SCHEMA = "dipcert-audit/1"

_TIMES: Mapping[str, int] = {"dev": 8, "ci": 24}  # stored times of a run that waterfalls look at (deep: all)
_DRAWS: Mapping[str, int] = {"dev": 200, "ci": 1000, "deep": 20_000}

Progress = Callable[[str, int], None]
"""Called with the name of the instance in hand and how many are done."""


@dataclass
class Audit:
    """What an audit has found so far; `statuses` is what SymPy says of the proofs, `asked` what the user asked for."""

    registry: Mapping[str, Item]
    statuses: Mapping[str, Status]
    asked: tuple[str, ...]
    depth: str = "dev"
    seed: int = 0
    evidence: dict[str, Evidence] = field(default_factory=dict)
    looseness: dict[str, Looseness] = field(default_factory=dict)
    instances: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    interrupted: bool = False
    seconds: float = 0.0
    mutants: dict[str, Any] | None = None
    constants: list[dict[str, Any]] = field(default_factory=list)

    @property
    def levels(self) -> dict[str, Audited]:
        """The audit status of every statement that was walked, in dependency order."""
        return audited(self.registry, self.evidence, self.statuses)

    @property
    def findings(self) -> list[Found]:
        """What a reader has to know: failures first."""
        return found_in(self)

    @property
    def cases(self) -> dict[str, Case]:
        """File name → case: of every tightest finding, of every violation that was kept, and of the written findings."""
        cases = [
            evidence.case(where, finding)
            for evidence in self.evidence.values()
            for where, finding in [
                *([] if evidence.where is None or evidence.tightest is None else [(evidence.where, evidence.tightest)]),
                *((where, finding) for where, finding, _ in evidence.violations),
            ]
        ]
        told = [found for found in written() if found.case and found.statement in self.evidence]
        return {case.name: case for case in cases} | {found.case: case_of(found) for found in told}

    @property
    def exit_code(self) -> int:
        """0 no violation, 1 a violation (or a mutant on the wrong side), 3 nothing that was asked for has evidence."""
        if any(found.fails for found in self.findings):
            return 1
        words = {self.evidence[key].word for key in self.asked if key in self.evidence}
        return 0 if words & {"holds", "not refuted", "asked"} else 3

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary, which tables and pages are made from; worlds are in `cases`."""
        levels = self.levels
        return {
            "schema": SCHEMA,
            "dipcert": version("dipcert"),
            "depth": self.depth,
            "seed": self.seed,
            "asked": list(self.asked),
            "interrupted": self.interrupted,
            "seconds": round(self.seconds, 1),
            "instances": [{"name": name, "family": family} for name, family in self.instances],
            "skipped": [{"name": name, "why": why} for name, why in self.skipped],
            "statements": [self._statement(key, levels[key]) for key in self.evidence],
            "waterfalls": [found.to_json() for found in self.looseness.values()],
            "findings": [found.to_json() for found in self.findings],
            "mutants": self.mutants,
            "constants": self.constants,
            "exit_code": self.exit_code,
        }

    def _statement(self, key: str, level: Audited) -> dict[str, Any]:
        item, status = self.registry[key], self.statuses.get(key)
        return {
            "id": key,
            "kind": item.kind,
            "title": item.title,
            "text": item.text,
            "conclusion": None if item.conclusion is None else str(item.conclusion),
            "tight": getattr(item, "tight", ""),
            "proof": None if status is None else status.level,
            "proof_own": None if status is None else status.own,
            "proof_weakest": None if status is None else status.weakest,
            **level.to_json(),
            **self.evidence[key].to_json(),
        }


def audit(
    registry: Mapping[str, Item],
    pool: Iterable[Instance] | Stage,
    keys: Sequence[str] | None = None,
    *,
    statuses: Mapping[str, Status] | None = None,
    depth: str = "dev",
    seed: int = 0,
    progress: Progress | None = None,
) -> Audit:
    """Hold `keys` (default: all statements) and what they rest on against the instances of a pool, each run once.

    A :class:`verify.hunt.Stage` is a pool that keeps its runs for others.  `statuses` is the symbolic status of the items,
    where it is known.  A KeyboardInterrupt ends it early: what was found until then is returned, marked as interrupted.
    """
    asked = tuple(keys) if keys is not None else walk(registry, registry)
    order = walk(asked, registry)
    result = Audit(registry, statuses or {}, asked, depth, seed)
    for key in order:
        claim, why = auditable(key, registry)
        result.evidence[key] = Evidence(key, claim, why, condition=registry[key].kind == "condition")
    result.looseness = {fall.statement: Looseness(fall) for fall in WATERFALLS if fall.statement in result.evidence}
    begun = time.monotonic()
    try:
        for instance, scene in _runs(pool, result.skipped):
            if progress is not None:
                progress(instance.name, len(result.instances))
            _visit(result, instance, scene)
        _draw(result, progress)
    except KeyboardInterrupt:
        result.interrupted = True
    result.seconds = time.monotonic() - begun
    return result


def _draw(result: Audit, progress: Progress | None) -> None:
    """What random draws say of the claims with a probability: those of the shipped statements."""
    from theory.ledger import registry as shipped
    from verify.random_claims import EXPERIMENTS, run_experiment

    for key, evidence in result.evidence.items():
        if key in EXPERIMENTS and result.registry[key] is shipped[key]:
            if progress is not None:
                progress(f"draws for {key}", len(result.instances))
            evidence.drawn = run_experiment(key, seed=result.seed, draws=_DRAWS.get(result.depth, 200))


def _runs(pool: Iterable[Instance] | Stage, skipped: list[tuple[str, str]]) -> Iterator[tuple[Instance, Scene]]:
    if isinstance(pool, Stage):
        yield from pool.scenes()
        skipped.extend(pool.failed.items())
        return
    for instance in pool:
        try:
            yield instance, simulate(instance.world, instance.engine)
        except LookupError as error:  # it has no step of gradient descent
            skipped.append((instance.name, str(error)))


def _visit(result: Audit, instance: Instance, scene: Scene) -> None:
    """One instance: nothing of it is counted until all of it is done, so that an interrupt leaves no half of it."""
    again: list[Scene] = []

    def tighter() -> Scene | None:
        engine = instance.engine.tighter
        if not again and engine is not None:
            # not beyond the end of the first run: at rest, a tolerance near rounding is met by no step
            again.append(simulate(instance.world, replace(engine, t_max=float(scene.record.t[-1]))))
        return again[0] if again else None

    seen: list[tuple[Evidence, Summary | None, bool | None, str]] = []
    for evidence in result.evidence.values():
        if evidence.claim is not None:
            try:
                # in a hurry, what is undecided here but decided elsewhere is left undecided
                hurry = result.depth == "dev" and evidence.word == "holds"
                seen.append((evidence, *_checked(evidence.claim, scene, tighter, hurry=hurry), ""))
            except (LookupError, ArithmeticError, ValueError) as error:
                seen.append((evidence, None, None, _said(error)))
    limit = _TIMES.get(result.depth)
    watched = [(found, watch(found.waterfall, instance, scene, limit)) for found in result.looseness.values()]
    for evidence, summary, confirmed, raised in seen:
        if summary is None:
            evidence.errors.append((instance.name, raised))
        else:
            evidence.add(instance, summary, confirmed)
    for found, view in watched:
        if view is not None:
            found.add(view)
    result.instances.append((instance.name, instance.family))


def _checked(
    claim: Claim, scene: Scene, tighter: Callable[[], Scene | None], hurry: bool = False
) -> tuple[Summary, bool | None]:
    """The claim over the run; what is undecided (unless in a hurry) or violated is asked again of a tighter run.

    The second answer is whether a violation was confirmed (None: there was none, or there is no tighter run).
    """
    summary = check_scene(claim, scene)
    open_ = summary.counts.get(Verdict.UNDECIDED, 0) > summary.attained and not hurry
    if not (summary.verdict is Verdict.VIOLATED or (summary.verdict is Verdict.UNDECIDED and open_)):
        return summary, None
    second = tighter()
    if second is None:
        return summary, None
    better = check_scene(claim, second)
    if summary.verdict is Verdict.VIOLATED:
        return summary, better.verdict is Verdict.VIOLATED
    if not better.in_force:
        return summary, None
    return better, True if better.verdict is Verdict.VIOLATED else None


def _said(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
