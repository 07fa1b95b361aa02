"""Numbers from resolved expressions, and the decision of relations: by Arb's enclosures at growing precision.

The number of a formula and the truth of a condition are different questions.  A comparison is decided by balls at the
exact inputs, doubled in precision until they separate; equality, which balls cannot show, by exact arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import mpmath
import numpy as np
import sympy as sp
from flint import arb

from numerics.compile import Backend, HypothesisNotMet, function, with_nan
from numerics.evaluation.derive import Constant
from numerics.evaluation.inputs import as_arb, as_fraction, as_mpf
from numerics.evaluation.record import BallEnclosure, Status
from theory.balls import lower_float, precision, upper_float

__all__ = ["Numbers", "Truth", "bits_of"]

Truth = Literal["holds", "hypothesis_not_met", "undecided"]
_MAX_BITS = 4096
_GUARD = 25  # digits beyond those asked for: cancellation near a boundary eats some
_TINY = float(np.finfo(np.float64).tiny)
_HUGE = float(np.finfo(np.float64).max)
_CONFIRMED = 1e-10  # relative distance from the enclosure within which a double is reported as it was computed
_NEAR = 2.0**-40  # float64 comparisons closer than this, relatively, are decided by balls


def bits_of(digits: int) -> int:
    """Bits that hold `digits` decimal digits, at least those of a double and a few more."""
    return max(64, math.ceil(digits * 3.3219280948873626) + 16)


@dataclass(frozen=True)
class Numbers:
    """The given numbers and the constants of the activation, for every backend."""

    given: Mapping[str, Any]
    constants: Mapping[str, Constant]
    backend: Backend
    digits: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The common shape of the arrays; () without any."""
        return np.broadcast_shapes(*(np.shape(value) for value in self.given.values()))

    def at(self, index: int) -> Numbers:
        """The numbers at one entry of the broadcast arrays (flat index)."""
        shape = self.shape
        one = {
            name: float(np.broadcast_to(value, shape).ravel()[index]) if isinstance(value, np.ndarray) else value
            for name, value in self.given.items()
        }
        return Numbers(one, self.constants, self.backend, self.digits)

    # --- one number ---------------------------------------------------------------------------------------------------

    def _ball(self, name: str, bits: int) -> Any:
        return self.constants[name].ball(bits) if name in self.constants else as_arb(self.given[name])

    def ball(self, expr: Any, bits: int) -> Any:
        """A ball around the exact value at the given numbers, at the working precision `bits`; NotImplementedError if
        a node of the expression has no enclosure."""
        wanted = _wanted(expr)
        compiled = function(expr, wanted, "arb")
        with precision(bits):
            return arb(compiled(*(self._ball(s.name, bits) for s in wanted)))

    def sharp_ball(self, expr: Any, bits: int) -> Any:
        """The same, the precision doubled until the ball is finite and `bits` of it are right; None if it never is."""
        working, best = bits + 16, None
        while working <= max(_MAX_BITS, 4 * bits):
            ball = self.ball(expr, working)
            if ball.is_finite():
                best = ball
                if ball.rel_accuracy_bits() >= bits or ball.is_zero():
                    return ball
            working *= 2
        return best

    def mpf(self, expr: Any) -> Any:
        """The value in mpmath, computed with guard digits; HypothesisNotMet if there is none."""
        wanted = _wanted(expr)
        with mpmath.workdps(self.digits + _GUARD):
            values = []
            for symbol in wanted:
                if symbol.name in self.constants:
                    middle = self.constants[symbol.name].ball(bits_of(self.digits + _GUARD)).mid()
                    mantissa, exponent = middle.man_exp()
                    values.append(mpmath.ldexp(int(mantissa), int(exponent)))
                else:
                    values.append(as_mpf(self.given[symbol.name]))
            value = function(expr, wanted, "mpmath")(*values)
        with mpmath.workdps(self.digits):
            return +value

    def float64(self, expr: Any) -> np.ndarray:
        """The float64 values, of the common shape of the arrays that enter; NaN where there is none."""
        wanted = _wanted(expr)
        values = [self.constants[s.name].value if s.name in self.constants else self.given[s.name] for s in wanted]
        return with_nan(expr, wanted)(*values)

    def scalar(self, expr: Any) -> tuple[Status, Any, str]:
        """(status, value, why) of an expression at single numbers in this backend."""
        try:
            if self.backend == "arb":
                ball = self.sharp_ball(expr, bits_of(self.digits))
                if ball is None:
                    return "hypothesis_not_met", None, _NO_VALUE
                with precision(bits_of(self.digits) * 2):
                    return "value", BallEnclosure(lower_float(ball), upper_float(ball), ball, self.digits), ""
            if self.backend == "mpmath":
                value = self.mpf(expr)
                return ("value", value, "") if mpmath.isfinite(value) else ("hypothesis_not_met", None, _NO_VALUE)
        except HypothesisNotMet:
            return "hypothesis_not_met", None, _NO_VALUE
        except NotImplementedError as error:
            return "undecided", None, f"has no enclosure ({error}); use the backend mpmath"
        return self._double(expr, float(self.float64(expr)))

    def _double(self, expr: Any, value: float) -> tuple[Status, Any, str]:
        """What the double `value` stands for: itself if the enclosure confirms its digits, or why it does not."""
        try:
            ball = self.sharp_ball(expr, 64)
            exact = None if ball is None else ball.mid()
            zero = ball is not None and ball.is_zero()
        except NotImplementedError:
            if math.isfinite(value) and abs(value) >= _TINY:
                return "value", value, ""
            try:
                exact = Numbers(self.given, self.constants, "mpmath", 30).mpf(expr)
                exact, zero = (exact, exact == 0) if mpmath.isfinite(exact) else (None, False)
            except HypothesisNotMet:
                exact, zero = None, False
        if zero:
            return "value", 0.0, ""
        if exact is None:
            return "hypothesis_not_met", None, _NO_VALUE
        nearest = float(exact)
        if _TINY <= abs(nearest) <= _HUGE:
            if abs(value - nearest) <= _CONFIRMED * abs(nearest):
                return "value", value, ""
            return "value", nearest, "rounded from the enclosure: float64 arithmetic loses its digits here"
        about = exact.str(5, radius=False) if isinstance(exact, arb) else mpmath.nstr(exact, 5)
        status: Status = "underflow" if abs(nearest) < 1 else "overflow"
        return status, None, f"{status}s float64 (about {about}): use the backend mpmath"

    # --- relations ----------------------------------------------------------------------------------------------------

    def truth(self, slack: Any, strict: bool) -> Truth:
        """Whether slack > 0 (strict) or slack >= 0 at single numbers, decided rigorously."""
        tried_exactly = False
        bits = 96
        try:
            while bits <= _MAX_BITS:
                ball = self.ball(slack, bits)
                if ball > 0:
                    return "holds"
                if ball < 0:
                    return "hypothesis_not_met"
                if ball.is_zero():
                    return "hypothesis_not_met" if strict else "holds"
                if bits > 200 and not tried_exactly:
                    tried_exactly = True
                    sign = self._exact_sign(slack)
                    if sign is not None:
                        return "holds" if sign > 0 or (sign == 0 and not strict) else "hypothesis_not_met"
                bits *= 2
        except NotImplementedError:
            return self._truth_by_digits(slack)
        return "undecided"

    def _exact_sign(self, slack: Any) -> int | None:
        """The sign by rational arithmetic, where the expression is rational in exact inputs; None otherwise."""
        if any(s.name in self.constants for s in slack.free_symbols):
            return None
        exact = {s: as_fraction(self.given[s.name]) for s in slack.free_symbols}
        value = slack.subs({s: sp.Rational(v.numerator, v.denominator) for s, v in exact.items()}, simultaneous=True)
        if not value.is_Rational:
            value = sp.simplify(value)
        return int(sp.sign(value)) if value.is_Rational else None

    def _truth_by_digits(self, slack: Any) -> Truth:
        """Without enclosures: 60 digits, of which 30 have to agree on the sign."""
        try:
            value = Numbers(self.given, self.constants, "mpmath", 60).mpf(slack)
        except HypothesisNotMet:
            return "undecided"
        if not abs(value) > mpmath.mpf(10) ** -30:
            return "undecided"
        return "holds" if value > 0 else "hypothesis_not_met"

    def truths(self, low: Any, high: Any, strict: bool) -> tuple[np.ndarray, np.ndarray]:
        """(holds, undecided) elementwise for low < high (or <=) at arrays; what is close is decided by balls."""
        shape = self.shape
        left, right = (np.broadcast_to(self.float64(e), shape) for e in (low, high))
        with np.errstate(all="ignore"):
            slack = right - left
            clear = np.isfinite(slack) & (np.abs(slack) > _NEAR * (np.abs(left) + np.abs(right)) + _TINY)
        holds, undecided = clear & (slack > 0), np.zeros(shape, dtype=bool)
        for index in np.flatnonzero(~clear):
            truth = self.at(int(index)).truth(high - low, strict)
            holds.flat[index] = truth == "holds"
            undecided.flat[index] = truth == "undecided"
        return holds, undecided


_NO_VALUE = "has no real value at these constants"


def _wanted(expr: Any) -> tuple[Any, ...]:
    return tuple(sorted(expr.free_symbols, key=str))
