"""Where :mod:`verify.critical` looks: families of :mod:`numerics.exact` with parameters and time as axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Literal

from numerics.exact import (
    Balanced,
    Diagonal,
    DiagonalDescent,
    Extremal,
    ExtremalDescent,
    Member,
    Scalar,
    rational,
)  # fmt: skip

__all__ = ["SPACES", "Axis", "Space"]


@dataclass(frozen=True)
class Axis:
    """A parameter of a family (or the time, "t") and the values that the search may give it, low ≤ value ≤ high.

    >>> Axis("t", 1.0, 1e10, "log").value(0.5)
    100000.0
    """

    name: str
    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"
    grid: int = 5

    def value(self, u: float) -> float:
        """That at u in [0, 1]."""
        if u <= 0 or u >= 1:
            return self.low if u <= 0 else self.high
        if self.scale == "linear":
            return float(self.low + u * (self.high - self.low))
        return float(self.low * (self.high / self.low) ** u)


@dataclass(frozen=True)
class Space:
    """Members to search: `make` takes the axes but "t" as keywords; each is tried at `times`,
    where the axis "t" says, and at its end.

    `make` may refuse a combination by a ValueError.
    """

    make: Callable[..., Member]
    axes: tuple[Axis, ...]
    times: tuple[Any, ...] = ()
    dps: int = 50

    def member(self, where: Mapping[str, float]) -> tuple[Member, tuple[Any, ...]] | None:
        """The member and the times there; None where there is none."""
        given = dict(where)
        times = self.times
        if "t" in given:  # the end as well: some claims die only late, and turning h alone has to show it
            times = (*times, given.pop("t"), max(axis.high for axis in self.axes if axis.name == "t"))
        try:
            return self.make(**given), times
        except ValueError:
            return None


_H, _T = Axis("h", 0.02, 0.98), Axis("t", 1e-2, 1e10, "log")


def _ratio(low: float, high: float) -> Axis:
    return Axis("ratio", low, high, "log")


SPACES: Mapping[str, Space] = MappingProxyType(
    {
        "extremal": Space(lambda h: Extremal(h=rational(h)), (_H, _T), (0,)),
        "extremal-scaled": Space(
            lambda h, sigma: Extremal(h=rational(h), sigma_F=rational(sigma)),
            (_H, Axis("sigma", 0.05, 20, "log"), _T),
        ),
        # noise opposite to the residual, and along it; so little of it that a logarithm of it is large
        "noise-opposite": Space(
            lambda h, ratio: Extremal(h=rational(h), noise=rational(ratio)), (_H, _ratio(1e-3, 3), _T)
        ),
        "noise-along": Space(
            lambda h, ratio: Extremal(h=rational(h), noise=-rational(ratio)), (_H, _ratio(1e-3, 3), _T)
        ),
        "noise-faint": Space(
            lambda h, bits: Extremal(h=rational(h), noise=rational(f"-2^-{round(bits)}")),
            (_H, Axis("bits", 1, 2**21, "log")),
        ),
        "balanced": Space(lambda fill: Balanced(fill=rational(fill)), (Axis("fill", 0.02, 3), _T), (0,)),
        "two-rates": Space(
            lambda small, part: Diagonal((Fraction(1), rational(small)), (rational(part), Fraction(1))),
            (Axis("small", 0.01, 1, "log"), Axis("part", 1e-3, 1e3, "log"), Axis("t", 1e-2, 1e6, "log")),
            dps=20,
        ),
        "log-cosh": Space(
            lambda rho: Scalar("log_cosh", rho_0=rational(rho)), (Axis("rho", 1e-2, 50, "log"), _T), (0,), dps=30
        ),
        "descent": Space(
            lambda gap: DiagonalDescent(step=2 - rational(gap)), (Axis("gap", 1e-6, 1.9, "log", 9),), (1, 5, 10**8)
        ),
        "extremal-descent": Space(
            lambda h, step: ExtremalDescent(h=rational(h), step=rational(step)),
            (Axis("h", 0.01, 0.98), Axis("step", 1e-9, 1.95, "log")),
            (1, 10, 100),
        ),
    }
)
"""Spaces that cover the families of :mod:`numerics.exact`."""
