"""Points in closed form on which mutants are tried that survive double precision: late times, members next to a threshold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from numerics.exact import FAMILIES, ExactPoint, Member

__all__ = ["MEMBERS", "exact_points"]


def _member(family: str, **parameters: Any) -> Member:
    """Numbers and decimals are taken exactly."""
    return FAMILIES[family](**parameters)


_DIGITS: Final = 40
_LATE: Final = ("1", "16.5", "30", "80", "1e3", "1e8")
_SOON: Final = ("1/4", "1", "5", "30")

MEMBERS: Final[tuple[tuple[Member, tuple[str, ...]], ...]] = (
    (_member("extremal", h="0.2499"), _LATE),
    (_member("extremal", h="0.2499", noise="1/10000"), _LATE),
    (_member("extremal", h="0.2499", noise="-1/10000"), _LATE),
    (_member("extremal", h="0.499999"), _LATE),
    (_member("extremal", h="1/5", weight="1/10"), _SOON),
    (_member("extremal", h="1/5", weight=3, noise="1/10"), _SOON),
    (_member("extremal", h="0.54"), ("1e3", "1e8")),
    (_member("extremal", h="0.24", sigma_F="1/10", Lambda=3), _LATE),
    (_member("balanced", fill="0.999999"), ("1", "1e3", "1e8")),
    (_member("balanced", fill="1.005"), ("1e3", "1e8")),
    (_member("diagonal", s=(1, "1/10"), y=(0, 1)), _SOON),
    (_member("diagonal", s=(1,), y=(1, 1)), _SOON),
    (_member("diagonal", s=(1, 1), y=(1, 1), w=(1, 0), truth=("1", "0.99")), _SOON),
    (_member("scalar", loss="p_power", loss_parameters=(("p", "10"),)), ("1", "1e3", "1e8")),
    (_member("scalar", loss="log_cosh", rho_0=20, noise="1/100"), _SOON),
    (_member("diagonal_descent", step="1.8"), ("1", "40", "100")),
    (_member("extremal_descent", h="1/10", step="1/2"), ("1", "20")),
)
"""Members with the times at which they are looked at."""


def exact_points() -> Iterator[ExactPoint]:
    """All of them, to 40 digits."""
    for member, times in MEMBERS:
        for time in times:
            yield member.at(time, _DIGITS)
