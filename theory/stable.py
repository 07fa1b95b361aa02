"""Elementary formulas rewritten so that nothing cancels or overflows on the way to a number.

What :mod:`theory.kl` derives is exact and reads well, but arcosh(e^s) has no digits left at s = 1e-30, and e^{2s} − 1
overflows where its logarithm is 800.  :func:`stable` puts the functions of :mod:`theory.functions` in their place; every
backend applies it before it compiles.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from theory.functions import acosh_exp, asinh_exp, expm1, log1p, log_cosh, softplus

__all__ = ["stable"]


def _exponent(factor: Any) -> Any | None:
    """The logarithm of an exponential, or of a positive number to a symbolic power; None for anything else."""
    if isinstance(factor, sp.exp):
        return factor.args[0]
    if factor.is_Pow and factor.base.is_positive and factor.exp.free_symbols:
        return factor.exp * sp.log(factor.base)
    return None


def _exponential_sum(total: Any) -> Any:
    """e^u − 1 within a sum, as expm1(u)."""
    terms = list(total.args)
    for term in terms:
        factor, rest = term.as_coeff_Mul()
        power = _exponent(rest)
        if power is not None and -factor in terms:
            terms.remove(term)
            terms.remove(-factor)
            return sp.Add(factor * expm1(power), *terms)
    return total


def _logarithm_out(power: Any) -> Any:
    """exp(c(log(x)/c + y)) as x exp(c y): the rounding of log(x) would be magnified by its size (700 for x = 1e-304)."""
    exponent = power.args[0]
    sums = [factor for factor in exponent.args if factor.is_Add and factor.has(sp.log)] if exponent.is_Mul else []
    if len(sums) != 1:
        return power
    return sp.exp(sp.Add(*(exponent / sums[0] * term for term in sums[0].args)))


def _growing(expr: Any) -> bool:
    """Whether an expression is e^u ± 1 with u ≥ 0, which overflows long before its logarithm and powers do."""
    if not (expr.is_Add and len(expr.args) == 2):
        return False
    one, rest = expr.args
    return bool(abs(one) == 1 and isinstance(rest, sp.exp) and rest.args[0].is_nonnegative)


def stable(expr: Any) -> Any:
    """The same function written so that nothing cancels or overflows on the way, for every backend.

    >>> s = sp.Symbol("s", positive=True)
    >>> stable(sp.acosh(sp.exp(s))), stable(sp.log(sp.cosh(s))), stable(sp.log(1 + sp.exp(-2 * s)))
    (acosh_exp(s), log_cosh(s), softplus(-2*s))
    >>> stable(sp.log(sp.exp(2 * s) - 1)), stable(sp.exp(s) / sp.sqrt(sp.exp(2 * s) - 1))
    (2*s + log(-expm1(-2*s)), 1/sqrt(-expm1(-2*s)))
    >>> stable(sp.log(1 + s) + 1 - sp.exp(-s))
    -expm1(-s) + log1p(s)

    A power of a power is one power, which does not underflow on the way:

    >>> e, p = sp.symbols("e p", positive=True)
    >>> stable((e**p / p) ** (2 / p - 1))
    e**(p*(-1 + 2/p))*p**(1 - 2/p)

    Compositions that SymPy simplifies on its own, such as exp(2 log cosh s) = cosh² s, are seen through:

    >>> stable(sp.cosh(s) / sp.sqrt(sp.cosh(s) ** 2 - 1)), stable(sp.log(sp.cosh(s) ** 2 - 1))
    (1/tanh(s), 2*log(tanh(s)) + 2*log_cosh(s))
    >>> stable(sp.acosh(sp.sqrt(1 + sp.exp(-2 * s))))
    asinh_exp(-s, 1)
    >>> stable(sp.acosh(sp.sqrt(1 + sp.exp(-2 * s) * (sp.exp(2 * s) - 1))))
    asinh_exp(0, -expm1(-2*s))
    """
    expr = expr.replace(lambda e: e.is_Pow and e.base.is_Mul and e.base.atoms(sp.Pow), sp.expand_power_base)
    expr = expr.replace(
        lambda e: e.is_Mul and any(f.is_Pow and f.exp.free_symbols for f in e.args),
        lambda e: sp.powsimp(e, combine="exp"),
    )
    expr = expr.replace(lambda e: isinstance(e, sp.exp) and e.has(sp.log), _logarithm_out)
    expr = expr.replace(lambda e: isinstance(e, sp.acosh) and isinstance(e.args[0], sp.exp), _of_exp)
    expr = expr.replace(lambda e: isinstance(e, sp.acosh) and _softplus_root(e.args[0]), _of_softplus)
    expr = expr.replace(lambda e: isinstance(e, sp.log) and _sinh_squared(e.args[0]) is not None, _log_sinh)
    expr = expr.replace(lambda e: e.is_Pow and _sinh_squared(e.base) is not None, _sinh_power)
    expr = expr.replace(
        lambda e: isinstance(e, sp.log) and isinstance(e.args[0], sp.cosh), lambda e: log_cosh(e.args[0].args[0])
    )
    expr = expr.replace(
        lambda e: isinstance(e, sp.log) and e.args[0].is_Add and len(e.args[0].args) == 2 and _softplus_form(e.args[0]),
        lambda e: softplus(e.args[0].args[1].args[0]),
    )
    expr = expr.replace(lambda e: isinstance(e, sp.log) and _growing(e.args[0]), _shifted_log)
    expr = expr.replace(lambda e: e.is_Pow and _growing(e.base) and not e.exp.has(sp.exp), _shifted_power)
    expr = expr.replace(lambda e: e.is_Add and e.has(sp.exp, sp.Pow), _exponential_sum)
    return expr.replace(
        lambda e: isinstance(e, sp.log) and e.args[0].is_Add and sp.S.One in e.args[0].args,
        lambda e: log1p(e.args[0] - 1),
    )


def _sinh_squared(expr: Any) -> Any | None:
    """The x ≥ 0 of cosh² x − 1, or None."""
    if not (expr.is_Add and len(expr.args) == 2 and expr.args[0] is sp.S.NegativeOne and expr.args[1].is_Pow):
        return None
    base, exponent = expr.args[1].args
    return base.args[0] if isinstance(base, sp.cosh) and exponent == 2 and base.args[0].is_nonnegative else None


def _log_sinh(expr: Any) -> Any:
    x = _sinh_squared(expr.args[0])
    return 2 * log_cosh(x) + 2 * sp.log(sp.tanh(x))


def _sinh_power(expr: Any) -> Any:
    x = _sinh_squared(expr.base)
    return (sp.cosh(x) * sp.tanh(x)) ** (2 * expr.exp)


def _softplus_root(expr: Any) -> bool:
    """Whether an expression is √(1 + U), U a product with an exponential: its arcosh is arsinh √U."""
    if not (expr.is_Pow and expr.exp == sp.S.Half and expr.base.is_Add and len(expr.base.args) == 2):
        return False
    return 1 in expr.base.args and all(
        part.is_positive or _growing(part) or isinstance(part, sp.exp) for part in sp.Mul.make_args(expr.base - 1)
    )


def _of_softplus(expr: Any) -> Any:
    exponents, factors = [], []
    for part in sp.Mul.make_args(expr.args[0].base - 1):
        if isinstance(part, sp.exp):
            exponents.append(part.args[0])
        elif _growing(part):  # e^u ± 1 = e^u (1 ± e^{-u})
            one, rest = part.args
            exponents.append(rest.args[0])
            factors.append(1 + one * sp.exp(-rest.args[0]))
        else:
            factors.append(part)
    return asinh_exp(sp.Add(*exponents) / 2, sp.Mul(*factors))


def _of_exp(expr: Any) -> Any:
    return acosh_exp(expr.args[0].args[0])


def _softplus_form(total: Any) -> bool:
    return total.args[0] is sp.S.One and isinstance(total.args[1], sp.exp)


def _shifted_log(expr: Any) -> Any:
    one, rest = expr.args[0].args
    u = rest.args[0]
    return u + sp.log(1 + one * sp.exp(-u))


def _shifted_power(expr: Any) -> Any:
    one, rest = expr.base.args
    u = rest.args[0]
    return sp.exp(u * expr.exp) * (1 + one * sp.exp(-u)) ** expr.exp
