"""What the exact families share: members, their points in time, and relations evaluated there.

A member is given by exact rationals; a point of it is a member at an exact rational time (a number of steps, for gradient
descent).  Every value is computed with :data:`GUARD` digits more than the point promises, so that late times and members
next to a threshold keep the promise through the cancellations that the formulas have there.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Literal

import mpmath
import sympy as sp

from numerics import compile as compiled
from theory.kl import Desingularizer
from theory.losses import LOSSES

__all__ = ["GUARD", "ExactPoint", "Member", "Values", "exact_sides", "rational", "real", "weighted_kl"]

GUARD = 30
"""Digits carried beyond those promised: a difference may lose this many before a value is worse than its error."""

_POWER = re.compile(r"(-?)2\^(-?\d+)")
Values = dict[str, Any]
"""Name of a symbol → its mpf, or a function without arguments that computes it when asked."""


def rational(value: Any) -> Fraction:
    """The exact rational that a number, a decimal, ``"p/q"`` or ``"2^-k"`` is; ValueError for what is not finite.

    >>> rational("0.1"), rational(0.5), rational(mpmath.mpf(3) / 4), rational("-2^-3")
    (Fraction(1, 10), Fraction(1, 2), Fraction(3, 4), Fraction(-1, 8))
    """
    if isinstance(value, mpmath.mpf):
        if not mpmath.isfinite(value):
            raise ValueError(f"{value} is not finite: give an exact rational")
        sign, mantissa, exponent, _ = value._mpf_
        return (-1) ** sign * Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
    try:
        if isinstance(value, str) and (power := _POWER.fullmatch(value)):
            sign, bits = -1 if power[1] else 1, int(power[2])
            return Fraction(sign, 1 << -bits) if bits < 0 else Fraction(sign << bits)
        return Fraction(value)
    except (ValueError, OverflowError, TypeError):
        raise ValueError(f"{value!r} is not an exact rational: give a number, a decimal, 'p/q' or '2^-k'") from None


def _written(value: Fraction) -> str:
    """The text that :func:`rational` reads: a long power of two by its exponent."""
    bits = value.denominator.bit_length() - 1
    if abs(value.numerator) == 1 and bits > 64 and value.denominator == 1 << bits:
        return f"{'-' if value < 0 else ''}2^-{bits}"
    return str(value)


def real(value: Fraction) -> Any:
    """The mpf of a rational at the working precision."""
    bits = (value.denominator & -value.denominator).bit_length() - 1  # mpmath strips a long power of two slowly
    return mpmath.ldexp(mpmath.mpf(value.numerator) / (value.denominator >> bits), -bits)


@lru_cache(maxsize=256)
def weighted_kl(w_min: Fraction) -> Desingularizer:
    """ψ of least squares whose smallest weight is w_min."""
    return LOSSES["weighted_least_squares"].desingularizer(w_min=sp.Rational(w_min.numerator, w_min.denominator))


@dataclass(frozen=True)
class Member(ABC):
    """A member of a family: its fields are the parameters.

    A family gives `family`, `dynamics`, `kl`, :meth:`state` and :meth:`answers`; the constants that the theory defines
    by formulas of others are added here.
    """

    family: ClassVar[str]
    dynamics: ClassVar[Literal["flow", "descent"]] = "flow"

    def check_rationals(self, positive: tuple[str, ...], others: tuple[str, ...] = ()) -> None:
        """Make exact rationals of these fields; ValueError for one that has to be positive and is not."""
        for name in (*positive, *others):
            value = rational(getattr(self, name))
            if name in positive and value <= 0:
                raise ValueError(f"{name} = {value}: a member of the family {self.family!r} needs a positive number")
            object.__setattr__(self, name, value)

    @property
    @abstractmethod
    def kl(self) -> Desingularizer:
        """The desingularizer of the loss, parameters filled in."""

    @abstractmethod
    def state(self, t: Any) -> Values:
        """The values at time t (mpf; int for gradient descent) at the working precision."""

    @abstractmethod
    def answers(self) -> Mapping[str, bool]:
        """Identifier of a hypothesis → whether it holds; what is not listed is not known."""

    @property
    def parameters(self) -> dict[str, Any]:
        """The fields in a form that JSON keeps exactly: ``"p/q"``, lists of them, words."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self) if field.init}

    def at(self, t: Any, dps: int = 50) -> ExactPoint:
        """The point at time t ≥ 0 (any number, taken exactly), its values to `dps` digits."""
        time = rational(t)
        if time < 0:
            raise ValueError(f"t = {t}: times are nonnegative")
        if self.dynamics == "descent" and time.denominator != 1:
            raise ValueError(f"t = {t}: gradient descent has whole numbers of steps")
        return ExactPoint(self, time, dps)


def _plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        return _written(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


@dataclass(frozen=True, eq=False)
class ExactPoint:
    """A member at a time.

    `value` and `error` take names of :mod:`theory.symbols`; a name that makes no sense there is a LookupError.  Values
    keep their digits whatever the precision in force, but what is computed from them does not: use ``mpmath.workdps``.
    """

    member: Member
    time: Fraction
    dps: int = 50

    @property
    def kl(self) -> Desingularizer:
        """The desingularizer of the loss."""
        return self.member.kl

    @property
    def dynamics(self) -> Literal["flow", "descent"]:
        """Whether time is continuous, or counts the steps of gradient descent."""
        return self.member.dynamics

    @cached_property
    def _known(self) -> Values:
        with mpmath.workdps(self.dps + GUARD):
            descent = self.member.dynamics == "descent"
            time = self.time.numerator if descent else real(self.time)
            return {("steps" if descent else "t"): mpmath.mpf(time), **_DERIVED, **self.member.state(time)}

    def value(self, name: str) -> Any:
        """The mpf of a symbol.

        >>> from numerics.exact import Extremal
        >>> print(mpmath.nstr(Extremal(h="1/4").at(2).value("rho"), 20))
        0.056349918390141019742
        """
        if name not in self._known:
            raise LookupError(f"{name} makes no sense for a point of the family {self.member.family!r}")
        found = self._known[name]
        if not isinstance(found, mpmath.mpf):
            with mpmath.workdps(self.dps + GUARD):
                if callable(found):
                    found = found(self) if name in _DERIVED and found is _DERIVED[name] else found()
                self._known[name] = found = mpmath.mpf(found)
        return found

    def error(self, name: str) -> Any:
        """A bound of the rounding error of a value."""
        value = self.value(name)
        return mpmath.mpf(0) if mpmath.isinf(value) else abs(value) * mpmath.mpf(10) ** (3 - self.dps)

    @property
    def names(self) -> tuple[str, ...]:
        """The symbols that may have a value here, sorted."""
        return tuple(sorted(self._known))

    def holds(self, hypothesis: str) -> bool | None:
        """Whether an assumption of the theory holds for the member; None if that is not known or makes no sense."""
        return self.member.answers().get(hypothesis)

    def to_json(self) -> dict[str, Any]:
        """Everything needed to make the point again: `numerics.exact.from_json`."""
        return {
            "family": self.member.family,
            "parameters": self.member.parameters,
            "t": _written(self.time),
            "dps": self.dps,
        }


def _formula(statement: str, name: str) -> Callable[[ExactPoint], Any]:
    def value(point: ExactPoint) -> Any:
        try:
            return _evaluate(compiled.formula(statement, name), point)
        except compiled.HypothesisNotMet as outside:
            raise LookupError(str(outside)) from None

    return value


def _radius(point: ExactPoint) -> Any:
    """σ0/(2 Lip); ∞ for a linear generator."""
    lip = point.value("Lip")
    return mpmath.inf if lip == 0 else point.value("sigma_0") / (2 * lip)


_DERIVED: Mapping[str, Callable[[ExactPoint], Any]] = {
    "R": _radius,
    "R_prime": _formula("baseline.condition", "R_prime"),
    "h": _formula("sharp.condition", "h"),
    "ell_star": _formula("sharp.length", "ell_star"),
    "a": _formula("sharp.logistic", "a"),
    "b": _formula("sharp.logistic", "b"),
}


@lru_cache(maxsize=2048)
def _filled(expression: Any, kl: Desingularizer) -> Any:
    return kl.apply(sp.sympify(expression))


@lru_cache(maxsize=2048)
def _compiled(expression: Any) -> tuple[Callable[..., Any], tuple[str, ...]]:
    symbols = tuple(sorted(expression.free_symbols, key=str))
    return compiled.function(expression, symbols, backend="mpmath"), tuple(map(str, symbols))


def _evaluate(expression: Any, point: ExactPoint, given: Mapping[str, Any] | None = None) -> Any:
    values = _Values(point, given or {})
    with mpmath.workdps(point.dps + GUARD):
        return _number(_filled(expression, point.kl), values, point.dps)


@dataclass(frozen=True)
class _Values:
    """The values of a point, some names given."""

    point: ExactPoint
    given: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.given[name] if name in self.given else self.point.value(name)


def _number(expression: Any, values: Any, dps: int) -> Any:
    """The expression at the values; integrals over positive intervals first."""
    integrals = sorted(expression.atoms(sp.Integral), key=str)
    if integrals:
        stand = {integral: sp.Dummy(f"integral_{i}") for i, integral in enumerate(integrals)}
        found = {str(stand[integral]): _integral(integral, values, dps) for integral in integrals}
        values, expression = _Layered(values, found), expression.xreplace(stand)
    function, names = _compiled(expression)
    return function(*(values[name] for name in names))


@dataclass(frozen=True)
class _Layered:
    """Values, of which some names are set anew."""

    below: Any
    above: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.above[name] if name in self.above else self.below[name]


def _integral(integral: Any, values: Any, dps: int) -> Any:
    """∫ f(z) dz over [low, high], 0 < low, in u = ln z: low may be 1e-1000000.  LookupError if the digits are not reached."""
    variable, low, high = integral.limits[0]
    body = integral.function * variable
    ends = [mpmath.log(_number(end, values, dps)) for end in (low, high)]

    def integrand(u: Any) -> Any:
        return _number(body, _Layered(values, {str(variable): mpmath.exp(u)}), dps)

    # f may change within a few units of ln z below the upper end, and be a power of z far below it
    points = [ends[0], *(v for v in (ends[1] - 2**j for j in (9, 7, 5, 3, 1)) if v > ends[0]), ends[1]]
    value, error = mpmath.quad(integrand, points, error=True)
    if error > mpmath.mpf(10) ** -(dps + 5) * abs(value):
        raise LookupError(f"{integral}: the quadrature does not reach {dps} digits")
    return value


def exact_sides(relation: Any, point: ExactPoint, given: Mapping[str, Any] | None = None) -> tuple[Any, Any]:
    """Left and right side of a relation at a point, as mpf; `given` sets symbols that the point does not have.

    Raises LookupError, naming the symbol, for what makes no sense there, and :class:`numerics.compile.HypothesisNotMet`
    where a side has no real value.

    >>> from numerics.exact import Extremal
    >>> from theory import registry
    >>> low, high = exact_sides(registry["sharp.length"].conclusion, Extremal(h="1/3").at("1e8"))
    >>> abs(low - high) < mpmath.mpf("1e-60")
    True
    """
    return _evaluate(relation.lhs, point, given), _evaluate(relation.rhs, point, given)
