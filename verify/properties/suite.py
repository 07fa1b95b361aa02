"""A suite: which statements it holds against runs, the instances it draws, and how a run is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from hypothesis.strategies import SearchStrategy

from numerics.scene import Scene
from numerics.worlds import World
from theory.claim import Claim, claim_of
from theory.ledger import registry
from verify.claims import Summary, check_scene, engine_of
from verify.engine import Engine, simulate

__all__ = ["PROBABLE", "UNMEASURED", "Sample", "Suite", "speaks_of_a_run"]

PROBABLE = frozenset({"A.network.random", "A.network.sub_gaussian", "A.network.symmetric"})
"""Assumptions about how an instance is drawn: statements with one of them hold with a probability."""

UNMEASURED: Mapping[str, str] = {}
"""Statement with a conclusion → why no run can be held against it; `dipcert verify` prints it."""

_NO_CLAIM = ("assumption", "condition", "trusted")


def speaks_of_a_run(identifier: str) -> bool:
    """Whether a statement has a conclusion about runs or states, holding without a probability."""
    item = registry[identifier]
    return item.conclusion is not None and item.kind not in _NO_CLAIM and not PROBABLE & set(item.hypotheses)


class Sample(NamedTuple):
    """A world and how it is run."""

    world: World
    engine: Engine


@dataclass(frozen=True)
class Suite:
    """Statements, by prefixes of their identifiers, and the instances on which they are checked.

    Parameters
    ----------
    name, title: for the command line.
    prefixes: the suite covers every statement that speaks of a run and begins with one of them, or is one of them,
    without: but for those that begin with one of these.
    strategy: of the samples that are drawn, made when asked for.
    cover: samples that are always checked first: one for each loss, activation and training mode that the statements allow.
    """

    name: str
    title: str
    prefixes: tuple[str, ...]
    strategy: Callable[[], SearchStrategy[Sample]]
    cover: Callable[[], Iterable[Sample]]
    without: tuple[str, ...] = ()

    @cached_property
    def statements(self) -> tuple[str, ...]:
        """Identifiers of the statements, sorted."""
        return tuple(
            key
            for key in registry
            if key.startswith(self.prefixes)
            and not (self.without and key.startswith(self.without))
            and speaks_of_a_run(key)
            and key not in UNMEASURED
        )

    @cached_property
    def claims(self) -> Mapping[str, Claim]:
        """Statement → what it claims."""
        return {key: claim_of(key, registry) for key in self.statements}

    def check(self, world: World, engine: Engine, only: Iterable[str] | None = None) -> dict[str, Summary]:
        """Run the world and hold every statement (or those in `only`) against the run, at every stored time.

        Raises KeyboardInterrupt if the run was interrupted: what it has stored is not a whole run.
        """
        return self.judge(run(world, engine), only)

    def judge(self, scene: Scene, only: Iterable[str] | None = None) -> dict[str, Summary]:
        """Hold the statements against a run."""
        kind = scene.record.engine
        wanted = self.statements if only is None else only
        return {
            key: check_scene(self.claims[key], scene) for key in wanted if engine_of(self.claims[key]) in ("any", kind)
        }


def run(world: World, engine: Engine) -> Scene:
    """The run; an interrupt that ended it early is raised again."""
    scene = simulate(world, engine)
    if scene.record.status == "interrupted":
        raise KeyboardInterrupt
    return scene


def sampled(worlds: SearchStrategy[World], engines: SearchStrategy[Engine]) -> SearchStrategy[Sample]:
    """Pairs of the two."""
    import hypothesis.strategies as st

    return st.builds(Sample, worlds, engines)


def varied(
    make: Callable[..., World | None], engine: Engine, count: int, **cycles: tuple[Any, ...]
) -> Iterator[Sample]:
    """`make` called `count` times, each keyword running through its cycle; seeds 0, 1, …

    >>> def show(seed, loss, train):
    ...     print(seed, loss, train)
    >>> list(varied(show, Engine(), 3, loss=("l2", "l4"), train=("both",)))
    0 l2 both
    1 l4 both
    2 l2 both
    []
    """
    for seed in range(count):
        world = make(seed=seed, **{name: values[seed % len(values)] for name, values in cycles.items()})
        if world is not None:
            yield Sample(world, engine)
