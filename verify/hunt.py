"""The hunt for mutants: every wrong variant that a statement declares has to be refuted by an instance.

A :class:`Stage` runs the instances of :mod:`verify.pool` once and keeps their scenes.  A mutant is tried on them, those
first on which its statement is tightest; a violation counts only if it is there as well when the flow is integrated with
the tightest tolerance.  What survives is tried on runs in closed form, to 40 digits (:mod:`verify.pool_exact`), and, where
the statement has a probability, by draws (:mod:`verify.random_claims`).  What is killed comes with a case that replays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from numerics.scene import Scene
from theory.claim import Claim, claim_of
from theory.ledger import registry
from theory.mutant import Mutant
from verify.case import Case
from verify.claims import Finding, Summary, check_scene
from verify.critical import refuted, speaks
from verify.engine import simulate
from verify.experiment_case import ExperimentCase
from verify.point_case import PointCase
from verify.pool import Depth, Instance, instances
from verify.pool_exact import exact_points
from verify.random_claims import EXPERIMENTS, run_experiment
from verify.verdict import Verdict

__all__ = ["Hunted", "Stage", "confirmed", "hunt", "hunted_keys"]

Progress = Callable[[str, int, int], None]
AnyCase = Case | PointCase | ExperimentCase


@dataclass
class Stage:
    """The scenes of a pool, each run when it is first asked for; those that cannot be run are named in `failed`."""

    depth: Depth = "dev"
    seed: int = 0
    pool: Iterable[Instance] | None = None
    failed: dict[str, str] = field(default_factory=dict)
    _ready: list[tuple[Instance, Scene]] = field(default_factory=list, repr=False)
    _rest: Iterator[Instance] | None = field(default=None, repr=False)

    def scenes(self) -> Iterator[tuple[Instance, Scene]]:
        """All instances with their runs: what an earlier iteration has run comes first, and is not run again."""
        if self._rest is None:
            self._rest = iter(instances(self.depth, self.seed) if self.pool is None else self.pool)
        index = 0
        while True:
            while index < len(self._ready):
                yield self._ready[index]
                index += 1
            instance = next(self._rest, None)
            if instance is None:
                return
            try:
                self._ready.append((instance, simulate(instance.world, instance.engine)))
            except LookupError as error:
                self.failed[instance.name] = str(error)


@dataclass(frozen=True)
class Hunted:
    """What became of a mutant: "killed", with a case that refutes it, or "survived".

    `tried` instances, points or draws, on `non_vacuous` of which it was in force.  Killed on a run: `finding` and its
    `tightness`, above 1.  Survived: the largest `tightness` seen of its claim on runs, 1 where it is attained.
    """

    mutant: str
    text: str
    truth: Literal["false", "true"]
    verdict: Literal["killed", "survived"]
    why: str
    tried: int
    non_vacuous: int
    case: AnyCase | None = None
    finding: Finding | None = None
    instance: str = ""
    tightness: float = math.nan

    @property
    def expected(self) -> bool:
        """A false mutant is killed, a true one survives."""
        return (self.verdict == "killed") == (self.truth == "false")

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        data = {name: value for name, value in self.__dict__.items() if name not in ("case", "finding")}
        data["expected"] = self.expected
        data["finding"] = None if self.finding is None else self.finding.to_json()
        data["case"] = None if self.case is None else self.case.to_json()
        return data


def hunted_keys(keys: Iterable[str] | None = None) -> list[str]:
    """Those of `keys` (all statements by default) that declare mutants."""
    return [key for key in (registry if keys is None else keys) if registry[key].mutants]


def hunt(
    keys: Iterable[str] | None = None,
    depth: Depth = "dev",
    seed: int = 0,
    progress: Progress | None = None,
    stage: Stage | None = None,
) -> Iterator[Hunted]:
    """Every declared mutant of `keys`, one after the other, on the scenes of `stage` (by default those of depth and seed).

    Raises KeyError, naming the nearest, for an unknown identifier.
    """
    stage = stage or Stage(depth, seed)
    wanted = hunted_keys(keys)
    total = sum(len(registry[key].mutants) for key in wanted)
    done = 0
    for key in wanted:
        order = _order(key, stage)
        for mutant in registry[key].mutants:
            if progress is not None:
                progress(f"{key}/{mutant.name}", done, total)
            yield _hunt_one(key, mutant, order, depth, seed)
            done += 1


def _order(key: str, stage: Stage) -> list[tuple[Instance, Scene]]:
    """The scenes, those first on which the statement is tightest; those on which it is not in force come last."""
    scenes = list(stage.scenes())
    if registry[key].conclusion is None:
        return scenes
    claim = claim_of(key, registry)

    def rank(pair: tuple[Instance, Scene]) -> float:
        worst = check_scene(claim, pair[1]).worst
        tightness = math.nan if worst is None else worst.tightness
        return -tightness if math.isfinite(tightness) else 1.0

    return sorted(scenes, key=rank)


def confirmed(claim: Claim, instance: Instance, summary: Summary) -> tuple[Instance, Finding] | None:
    """The violation of a run found again at the tightest tolerance, with that run's settings; None if it is not."""
    engine = instance.engine.tighter
    if engine is None:
        return (instance, summary.worst) if summary.worst is not None else None
    tight = replace(instance, engine=engine)
    again = check_scene(claim, simulate(tight.world, engine))
    return (tight, again.worst) if again.verdict is Verdict.VIOLATED and again.worst is not None else None


def _hunt_one(key: str, mutant: Mutant, scenes: list[tuple[Instance, Scene]], depth: Depth, seed: int) -> Hunted:
    name = f"{key}/{mutant.name}"
    claim = claim_of(key, registry, mutant)
    tried = non_vacuous = 0
    tightness = math.nan
    for instance, scene in scenes:
        summary = check_scene(claim, scene)
        tried += 1
        non_vacuous += summary.in_force > 0
        if summary.worst is not None and not summary.worst.tightness <= tightness:
            tightness = summary.worst.tightness
        if summary.verdict is not Verdict.VIOLATED:
            continue
        found = confirmed(claim, instance, summary)
        if found is not None:
            tight, finding = found
            case = Case(key, tight.world, tight.engine, finding, mutant.name, note=mutant.text)
            return Hunted(
                name, mutant.text, mutant.truth, "killed", mutant.why, tried, non_vacuous, case, finding, instance.name,
                finding.tightness,
            )  # fmt: skip
    for look in (partial(_on_exact_points, key, mutant, claim), partial(_by_draws, key, mutant, depth, seed)):
        extra = look()
        tried, non_vacuous = tried + extra.tried, non_vacuous + extra.non_vacuous
        if extra.case is not None:
            return Hunted(
                name, mutant.text, mutant.truth, "killed", mutant.why, tried, non_vacuous, extra.case, None, extra.where
            )
    return Hunted(name, mutant.text, mutant.truth, "survived", mutant.why, tried, non_vacuous, tightness=tightness)


@dataclass(frozen=True)
class _Extra:
    tried: int = 0
    non_vacuous: int = 0
    case: AnyCase | None = None
    where: str = ""


def _on_exact_points(key: str, mutant: Mutant, claim: Claim) -> _Extra:
    """Runs in closed form, to 40 digits: late times and members next to a threshold."""
    tried = spoken = 0
    for point in exact_points():
        tried += 1
        if not speaks(claim, point):
            continue
        spoken += 1
        if refuted(claim, point):
            case = PointCase.of(key, point, mutant.name, note=mutant.text)
            where = f"{point.member.family} {point.member.parameters}, t = {point.time}"
            return _Extra(tried, spoken, case, where)
    return _Extra(tried, spoken)


_DRAWS = {"dev": (2500,), "ci": (2500, 10_000), "deep": (10_000, 40_000)}


def _by_draws(key: str, mutant: Mutant, depth: Depth, seed: int) -> _Extra:
    """Statements with a probability: draws until the anytime-valid confidence limit refutes the mutant."""
    if key not in EXPERIMENTS:
        return _Extra()
    tried = 0
    for draws in _DRAWS[depth]:
        try:
            outcome = run_experiment(key, seed=seed, draws=draws, mutant=mutant)
        except LookupError:  # it changes what no experiment draws
            return _Extra(tried)
        tried += outcome.draws
        if outcome.verdict is Verdict.VIOLATED:
            case = ExperimentCase.of(key, seed, draws, mutant.name)
            return _Extra(tried, tried, case, f"{outcome.draws} draws: {outcome.text}")
    return _Extra(tried, tried)
