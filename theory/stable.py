"""Elementary formulas rewritten so that nothing cancels or overflows on the way to a number.

What :mod:`theory.kl` derives is exact and reads well, but arcosh(e^s) has no digits left at s = 1e-30, and e^{2s} − 1
overflows where its logarithm is 800.  :func:`stable` puts the functions of :mod:`theory.functions` in their place; every
backend applies it before it compiles.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from theory.functions import acosh_exp, expm1, log1p, log_cosh, softplus

__all__ = ["stable"]


def _exponential_sum(total: Any) -> Any:
    """e^u − 1 within a sum, as expm1(u)."""
    terms = list(total.args)
    for term in terms:
        factor, rest = term.as_coeff_Mul()
        if isinstance(rest, sp.exp) and -factor in terms:
            terms.remove(term)
            terms.remove(-factor)
            return sp.Add(factor * expm1(rest.args[0]), *terms)
    return total


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
    """
    expr = expr.replace(lambda e: isinstance(e, sp.acosh) and isinstance(e.args[0], sp.exp), _of_exp)
    expr = expr.replace(
        lambda e: isinstance(e, sp.log) and isinstance(e.args[0], sp.cosh), lambda e: log_cosh(e.args[0].args[0])
    )
    expr = expr.replace(
        lambda e: isinstance(e, sp.log) and e.args[0].is_Add and len(e.args[0].args) == 2 and _softplus_form(e.args[0]),
        lambda e: softplus(e.args[0].args[1].args[0]),
    )
    expr = expr.replace(lambda e: isinstance(e, sp.log) and _growing(e.args[0]), _shifted_log)
    expr = expr.replace(lambda e: e.is_Pow and _growing(e.base) and not e.exp.has(sp.exp), _shifted_power)
    expr = expr.replace(lambda e: e.is_Add and e.has(sp.exp), _exponential_sum)
    return expr.replace(
        lambda e: isinstance(e, sp.log) and e.args[0].is_Add and sp.S.One in e.args[0].args,
        lambda e: log1p(e.args[0] - 1),
    )


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
