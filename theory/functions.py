"""Functions and numbers that SymPy lacks, or evaluates unstably when they are spelled out.

``log(1 + exp(800))`` overflows in float64 although softplus(800) = 800, and ``erfc(-x)`` is turned into
``2 - erfc(x)`` by SymPy, which loses the left tail of the normal distribution.  As functions of their own,
:class:`expit`, :class:`softplus` and :class:`normal_cdf` keep one name in every backend, and each backend
(:mod:`numerics.compile`, :mod:`theory.balls`) evaluates that name stably.  :func:`theory.stable.stable` rewrites
elementary formulas, such as those that :mod:`theory.kl` derives, in terms of these functions: no backend cancels digits.

:class:`ImplicitRoot` is a real number given as the root of an equation (the stationary point of SiLU's derivative
has no closed form): it evaluates to any precision, and :func:`theory.balls.enclose` proves its digits.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import mpmath
import sympy as sp

__all__ = [
    "Given",
    "ImplicitRoot",
    "acosh_exp",
    "expit",
    "expm1",
    "log1p",
    "log_cosh",
    "normal_cdf",
    "normal_pdf",
    "softplus",
]


class _Entire(sp.Function):
    """A real-analytic function of one real argument, known to mpmath by `_mp`."""

    nargs = 1

    @staticmethod
    def _mp(x: Any) -> Any:
        raise NotImplementedError

    def _eval_is_extended_real(self) -> Any:
        return self.args[0].is_extended_real

    def _eval_evalf(self, prec: int) -> Any:
        with mpmath.workprec(prec + 8):
            value = self._mp(sp.N(self.args[0], mpmath.mp.dps + 3)._to_mpmath(prec + 8))
            return sp.Expr._from_mpmath(value, prec)


class expit(_Entire):
    """The logistic function 1/(1 + e^{-x}).

    >>> x = sp.Symbol("x", real=True)
    >>> expit(x).diff(x)
    expit(-x)*expit(x)
    >>> expit(sp.S(0)), expit(x).rewrite(sp.exp)
    (1/2, 1/(1 + exp(-x)))
    """

    @classmethod
    def eval(cls, x: Any) -> Any:
        """Exact values at 0, ±∞."""
        if x.is_zero:
            return sp.Rational(1, 2)
        if x is sp.oo:
            return sp.S.One
        if x is -sp.oo:
            return sp.S.Zero
        return None

    def fdiff(self, argindex: int = 1) -> Any:
        """σ' = σ(x) σ(−x): no cancellation at either end."""
        return expit(self.args[0]) * expit(-self.args[0])

    def _eval_rewrite_as_exp(self, x: Any, **kwargs: Any) -> Any:
        return 1 / (1 + sp.exp(-x))

    def _eval_is_positive(self) -> Any:
        return self.args[0].is_real

    def _latex(self, printer: Any, exp: Any = None) -> str:
        body = rf"\sigma\left({printer._print(self.args[0])}\right)"
        return body if exp is None else rf"{body}^{{{exp}}}"

    @staticmethod
    def _mp(x: Any) -> Any:
        return 1 / (1 + mpmath.exp(-x)) if x >= 0 else mpmath.exp(x) / (1 + mpmath.exp(x))


class softplus(_Entire):
    """log(1 + e^x), with derivative :class:`expit`.

    >>> x = sp.Symbol("x", real=True)
    >>> softplus(x).diff(x), softplus(x).rewrite(sp.exp)
    (expit(x), log(exp(x) + 1))
    """

    @classmethod
    def eval(cls, x: Any) -> Any:
        """Exact value at 0."""
        return sp.log(2) if x.is_zero else None

    def fdiff(self, argindex: int = 1) -> Any:
        """The logistic function."""
        return expit(self.args[0])

    def _eval_rewrite_as_exp(self, x: Any, **kwargs: Any) -> Any:
        return sp.log(1 + sp.exp(x))

    def _eval_is_positive(self) -> Any:
        return self.args[0].is_real

    def _latex(self, printer: Any, exp: Any = None) -> str:
        body = rf"\operatorname{{softplus}}\left({printer._print(self.args[0])}\right)"
        return body if exp is None else rf"{body}^{{{exp}}}"

    @staticmethod
    def _mp(x: Any) -> Any:
        return x + mpmath.log1p(mpmath.exp(-x)) if x >= 0 else mpmath.log1p(mpmath.exp(x))


class normal_cdf(_Entire):
    """Φ(x), the distribution function of the standard normal law; accurate in the left tail.

    >>> x = sp.Symbol("x", real=True)
    >>> normal_cdf(x).diff(x) == normal_pdf(x)
    True
    """

    @classmethod
    def eval(cls, x: Any) -> Any:
        """Exact values at 0, ±∞."""
        if x.is_zero:
            return sp.Rational(1, 2)
        if x is sp.oo:
            return sp.S.One
        if x is -sp.oo:
            return sp.S.Zero
        return None

    def fdiff(self, argindex: int = 1) -> Any:
        """The normal density."""
        return normal_pdf(self.args[0])

    def _eval_rewrite_as_erf(self, x: Any, **kwargs: Any) -> Any:
        return (1 + sp.erf(x / sp.sqrt(2))) / 2

    def _eval_is_positive(self) -> Any:
        return self.args[0].is_real

    def _latex(self, printer: Any, exp: Any = None) -> str:
        body = rf"\Phi\left({printer._print(self.args[0])}\right)"
        return body if exp is None else rf"{body}^{{{exp}}}"

    @staticmethod
    def _mp(x: Any) -> Any:
        return mpmath.erfc(-x / mpmath.sqrt(2)) / 2


class expm1(_Entire):
    """e^x − 1, with its digits for small x.

    >>> x = sp.Symbol("x", real=True)
    >>> expm1(x).diff(x), expm1(x).rewrite(sp.exp)
    (exp(x), exp(x) - 1)
    """

    def fdiff(self, argindex: int = 1) -> Any:
        """The exponential function."""
        return sp.exp(self.args[0])

    def _eval_rewrite_as_exp(self, x: Any, **kwargs: Any) -> Any:
        return sp.exp(x) - 1

    @staticmethod
    def _mp(x: Any) -> Any:
        return mpmath.expm1(x)


class log1p(_Entire):
    """log(1 + x), with its digits for small x.

    >>> x = sp.Symbol("x", real=True)
    >>> log1p(x).diff(x), log1p(x).rewrite(sp.log)
    (1/(x + 1), log(x + 1))
    """

    def fdiff(self, argindex: int = 1) -> Any:
        """1/(1 + x)."""
        return 1 / (1 + self.args[0])

    def _eval_rewrite_as_log(self, x: Any, **kwargs: Any) -> Any:
        return sp.log(1 + x)

    @staticmethod
    def _mp(x: Any) -> Any:
        return mpmath.log1p(x)


class log_cosh(_Entire):
    """log cosh x = log(1 + 2 sinh²(x/2)): spelled out it loses its digits below |x| ≈ 1e-8 and overflows beyond 710.

    >>> x = sp.Symbol("x", real=True)
    >>> log_cosh(x).diff(x), log_cosh(x).rewrite(sp.cosh)
    (tanh(x), log(cosh(x)))
    """

    @classmethod
    def eval(cls, x: Any) -> Any:
        """Exact value at 0."""
        return sp.S.Zero if x.is_zero else None

    def fdiff(self, argindex: int = 1) -> Any:
        """The hyperbolic tangent."""
        return sp.tanh(self.args[0])

    def _eval_rewrite_as_cosh(self, x: Any, **kwargs: Any) -> Any:
        return sp.log(sp.cosh(x))

    def _eval_is_nonnegative(self) -> Any:
        return self.args[0].is_real

    @staticmethod
    def _mp(x: Any) -> Any:
        x = abs(x)
        if x < 1:
            return mpmath.log1p(2 * mpmath.sinh(x / 2) ** 2)
        return x + mpmath.log1p(mpmath.exp(-2 * x)) - mpmath.log(2)


class acosh_exp(_Entire):
    """arcosh(e^x) for x ≥ 0, the inverse of :class:`log_cosh`: x + log(1 + √(1 − e^{−2x})), every term positive.

    >>> x = sp.Symbol("x", positive=True)
    >>> acosh_exp(x).diff(x), acosh_exp(x).rewrite(sp.acosh)
    (1/sqrt(-expm1(-2*x)), acosh(exp(x)))
    """

    def fdiff(self, argindex: int = 1) -> Any:
        """1/√(1 − e^{−2x})."""
        return 1 / sp.sqrt(-expm1(-2 * self.args[0]))

    def _eval_rewrite_as_acosh(self, x: Any, **kwargs: Any) -> Any:
        return sp.acosh(sp.exp(x))

    @staticmethod
    def _mp(x: Any) -> Any:
        return x + mpmath.log1p(mpmath.sqrt(-mpmath.expm1(-2 * x)))


class asinh_exp(sp.Function):
    """arsinh(e^x √p) = arcosh √(1 + p e^{2x}), p > 0: e^x need not fit into a double, and the logarithm of p is not taken.

    >>> x, p = sp.Symbol("x", real=True), sp.Symbol("p", positive=True)
    >>> asinh_exp(x, p).rewrite(sp.asinh)
    asinh(sqrt(p)*exp(x))
    """

    nargs = 2

    def _eval_is_nonnegative(self) -> Any:
        return self.args[0].is_extended_real

    def _eval_rewrite_as_asinh(self, x: Any, p: Any, **kwargs: Any) -> Any:
        return sp.asinh(sp.exp(x) * sp.sqrt(p))

    @staticmethod
    def _mp(x: Any, p: Any) -> Any:
        if x < 1:
            return mpmath.asinh(mpmath.exp(x) * mpmath.sqrt(p))
        return x + mpmath.log(mpmath.sqrt(p) + mpmath.sqrt(p + mpmath.exp(-2 * x)))


def normal_pdf(x: Any) -> Any:
    """The standard normal density e^{−x²/2}/√(2π), as an expression."""
    return sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)


class Given(sp.AtomicExpr):
    """A positive rational number that SymPy leaves alone: (p − 2)^{p/(p−2)} at p = 2 + 2^{-20} has millions of digits.

    >>> Given(sp.Rational(5, 2)) ** Given(3), sp.N(Given(sp.Rational(5, 2)) ** Given(3), 10)
    (2.5**3, 15.62500000)
    """

    is_real = True
    is_positive = True
    is_number = True
    is_finite = True
    is_commutative = True

    def __new__(cls, value: Any) -> Given:
        """Make the atom from an exact number; ValueError if it is not positive."""
        obj = super().__new__(cls)
        obj.value = sp.Rational(value)
        if obj.value <= 0:
            raise ValueError(f"a positive number is needed; given {value}")
        return obj

    def _hashable_content(self) -> tuple[Any, ...]:
        return (self.value,)

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self._hashable_content()

    def _eval_evalf(self, prec: int) -> Any:
        return self.value._eval_evalf(prec)

    def mpmath_value(self, prec: int) -> Any:
        """The number as an mpf."""
        with mpmath.workprec(prec):
            return mpmath.mpf(int(self.value.p)) / int(self.value.q)

    def _sympystr(self, printer: Any) -> str:
        return f"{float(self.value):.17g}"

    def _latex(self, printer: Any) -> str:
        return f"{float(self.value):.17g}"


class ImplicitRoot(sp.AtomicExpr):
    """The only root of `expression` (in the symbol `variable`) between the rationals `low` and `high`.

    The caller states, and :func:`theory.balls.enclose` verifies, that the expression changes sign there; uniqueness
    is the caller's argument (monotonicity), written where the number is defined.  Digits come from bisection
    and the secant method in mpmath.

    >>> x = sp.Symbol("x", real=True)
    >>> root = ImplicitRoot("c", sp.cos(x) - x, x, 0, 1)
    >>> root.n(20)
    0.73908513321516064166
    """

    is_real = True
    is_number = True
    is_finite = True
    is_commutative = True

    def __new__(cls, name: str, expression: Any, variable: Any, low: Any, high: Any) -> ImplicitRoot:
        """Make the atom: name for printing, expression, its variable, and the rational bracket."""
        obj = super().__new__(cls)
        obj.name = name
        obj.expression, obj.variable = sp.sympify(expression), variable
        obj.low, obj.high = sp.Rational(low), sp.Rational(high)
        return obj

    def _hashable_content(self) -> tuple[Any, ...]:
        return (self.name, self.expression, self.variable, self.low, self.high)

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self._hashable_content()

    @property
    def free_symbols(self) -> set[Any]:
        """None: the variable is bound."""
        return set()

    def _eval_is_positive(self) -> bool | None:
        return True if self.low >= 0 else (False if self.high <= 0 else None)

    def mpmath_value(self, prec: int) -> Any:
        """The root as an mpf, to about `prec` bits (Illinois method: bracketed, superlinear); found once a precision."""
        return _bracketed(self, prec)

    def _eval_evalf(self, prec: int) -> Any:
        return sp.Expr._from_mpmath(self.mpmath_value(prec), prec)

    def _sympystr(self, printer: Any) -> str:
        return self.name

    def _latex(self, printer: Any) -> str:
        return self.name


@lru_cache(maxsize=256)
def _bracketed(root: ImplicitRoot, prec: int) -> Any:
    with mpmath.workprec(prec + 16):
        f = _mp_function(root.expression, root.variable)
        low, high = mpmath.mpf(root.low.p) / root.low.q, mpmath.mpf(root.high.p) / root.high.q
        return mpmath.findroot(f, (low, high), solver="anderson", tol=mpmath.mpf(2) ** (-2 * prec), verify=False)


def _mp_function(expression: Any, variable: Any) -> Any:
    """Evaluate by substitution: slow, and only for the few digits that a bracketed root needs."""

    def f(value: Any) -> Any:
        digits = mpmath.mp.dps + 3
        substituted = expression.subs(variable, sp.Float(value, digits))
        return sp.N(substituted, digits)._to_mpmath(mpmath.mp.prec)

    return f
