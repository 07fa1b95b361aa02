"""A family of instances made to violate a hypothesis, and nothing else: named numbers in, a world and its run out.

The numbers are multiples of a unit, so that an instance that is found can be read and shrinks to round values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from hypothesis import strategies as st

from numerics.worlds import World
from verify.engine import Engine

__all__ = ["Choice", "Family", "Number", "Numbers"]

Numbers = Mapping[str, Any]
"""Name of a parameter → its value."""


@dataclass(frozen=True)
class Number:
    """A multiple of 1/`per` between low/per and high/per; `grid` are the values (not multiples) tried first."""

    per: int
    low: int
    high: int
    grid: tuple[float, ...]

    def strategy(self) -> st.SearchStrategy[float]:
        """Shrinks towards zero."""
        return st.integers(self.low, self.high).map(lambda count: count / self.per)


@dataclass(frozen=True)
class Choice:
    """One of a few values, the simplest first."""

    grid: tuple[Any, ...]

    def strategy(self) -> st.SearchStrategy[Any]:
        """Shrinks towards the first."""
        return st.sampled_from(self.grid)


@dataclass(frozen=True, eq=False)
class Family:
    """Instances that differ in a few numbers.

    Parameters
    ----------
    name: identifier of the family.  breaks: the hypotheses, conditions or "when" that its instances may violate.
    text: what they are, with the parameters in braces.
    parameters: name → :class:`Number` or :class:`Choice`.
    make: the world and the run at given numbers; ValueError or LookupError where there is none.
    """

    name: str
    breaks: tuple[str, ...]
    text: str
    parameters: Mapping[str, Number | Choice]
    make: Callable[..., tuple[World, Engine]]

    def words(self, numbers: Numbers) -> str:
        """The text at given numbers."""
        shown = {key: f"{value:g}" if isinstance(value, float) else value for key, value in numbers.items()}
        return self.text.format(**shown)

    def instance(self, numbers: Numbers) -> tuple[World, Engine]:
        """The world, labelled with the text, and its run."""
        world, engine = self.make(**numbers)
        return world.with_(label=self.words(numbers)), engine

    def grid(self) -> Iterator[Numbers]:
        """The coarse grid, first values first."""
        names = list(self.parameters)
        for values in product(*(self.parameters[name].grid for name in names)):
            yield dict(zip(names, values, strict=True))

    def strategy(self) -> st.SearchStrategy[Numbers]:
        """All of the family."""
        return st.fixed_dictionaries({name: choice.strategy() for name, choice in self.parameters.items()})
