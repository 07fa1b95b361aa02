"""Elementary functions of one double without branches or calls, so that LLVM turns a loop over them into vector code.

Accuracy: a few units in the last place of max(1, |f|) on the whole line (tested); relative accuracy where the function is
small is not sought, as the descent adds the results to numbers of order one.  NaN stays NaN; exp is cut at e^{±708}.

This module imports numba: load it only where numba is known to be there.

References
----------
.. [1] W. J. Cody, W. Waite, Software Manual for the Elementary Functions (1980): reduction of arguments.
.. [2] M. M. Shepherd, J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x²) erfc x", Math. Comp. 36 (1981),
   249-253: the variable (x − 3.75)/(x + 3.75).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from numerics.descent.coefficients import ERFCX_CENTRE, ERFCX_END, HALF_PI, LN2, POLYNOMIALS

__all__ = ["NUMBA_FUNCTIONS"]

# contract: products and sums become fused.  No reassociation: the reductions below would be folded away.
_inline: Callable[[Any], Any] = njit(fastmath={"contract", "nsz"}, forceinline=True, error_model="numpy")

_MAGIC = 1.5 * 2.0**52  # x + _MAGIC − _MAGIC rounds to an integer, which the low bits of x + _MAGIC hold
_LOG2_E, _TWO_OVER_PI = 1 / math.log(2), 2 / math.pi
_EXP_END = 708.0
_TANH_END = 20.0  # 1 − tanh(20) < 2^−56
_TWO_LOG2_E, _HALF_LN2 = 2 / math.log(2), math.log(2) / 2
_LN2_HIGH, _LN2_LOW = LN2
_P1, _P2, _P3 = HALF_PI
_ROOT_HALF = math.sqrt(0.5)


_intrinsic: Callable[[Any], Any] = intrinsic


@_intrinsic
def _bits(typingctx: Any, x: Any) -> Any:
    """The bits of a double as an integer."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), codegen


@_intrinsic
def _double(typingctx: Any, n: Any) -> Any:
    """The double with these bits."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), codegen


def _horner(name: str, scale: int = 1) -> Any:
    """The polynomial of that name at scale·z, spelled out: LLVM does not unroll a loop over coefficients inside another loop.

    scale: a power of 2, so that the coefficients stay what they are.
    """
    *lower, leading = (repr(c * scale**i) for i, c in enumerate(POLYNOMIALS[name].coefficients))
    body = leading
    for c in reversed(lower):
        body = f"({body}) * z + {c}"
    scope: dict[str, Any] = {}
    exec(compile(f"def {name}_polynomial(z):\n    return {body}\n", __file__, "exec"), scope)
    return _inline(scope[f"{name}_polynomial"])


_exp_polynomial, _atanh_polynomial, _sin_polynomial, _cos_polynomial, _erfcx_polynomial = map(
    _horner, ("exp", "atanh", "sin", "cos", "erfcx")
)
_exp_twice = _horner("exp", 2)


@_inline
def _exp(x):  # e^x = 2^n e^r, |r| ≤ ln(2)/2
    x = _EXP_END if x > _EXP_END else x
    x = -_EXP_END if x < -_EXP_END else x
    shifted = x * _LOG2_E + _MAGIC
    n = shifted - _MAGIC
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    return _exp_polynomial(r) * _double((_bits(shifted) + 1023) << 52)


@_inline
def _tanh(x):  # 1 − 2/(e^{2x} + 1), 2x = n ln 2 + 2r
    x = _TANH_END if x > _TANH_END else x
    x = -_TANH_END if x < -_TANH_END else x
    shifted = x * _TWO_LOG2_E + _MAGIC
    # one part of ln 2 suffices: where n is large, tanh does not see an error of r
    r = x - (shifted - _MAGIC) * _HALF_LN2
    return 1.0 - 2.0 / (_exp_twice(r) * _double((_bits(shifted) + 1023) << 52) + 1.0)


@_inline
def _expit(x):
    e = _exp(-abs(x))
    return (e if x < 0.0 else 1.0) / (1.0 + e)


@_inline
def _softplus(x):  # max(x, 0) + log(1 + e^{−|x|})
    e = _exp(-abs(x))
    s = e / (2.0 + e)
    return (0.0 if x < 0.0 else x) + 2.0 * s * _atanh_polynomial(s * s)


@_inline
def _erf(x):  # 1 − e^{−x²} erfcx(x) for x ≥ 0
    z = abs(x)
    z = ERFCX_END if z > ERFCX_END else z
    value = 1.0 - _exp(-z * z) * _erfcx_polynomial((z - ERFCX_CENTRE) / (z + ERFCX_CENTRE))
    return -value if x < 0.0 else value


@_inline
def _normal_cdf(x):
    return 0.5 + 0.5 * _erf(_ROOT_HALF * x)


@_inline
def _sincos(x):  # x = n π/2 + r, |r| ≤ π/4
    shifted = x * _TWO_OVER_PI + _MAGIC
    n = shifted - _MAGIC
    r = ((x - n * _P1) - n * _P2) - n * _P3
    z = r * r
    sine, cosine = r * _sin_polynomial(z), _cos_polynomial(z)
    quadrant = _bits(shifted)
    odd = (quadrant & 1) != 0
    s, c = (cosine, sine) if odd else (sine, cosine)
    s = -s if (quadrant & 2) != 0 else s
    c = -c if ((quadrant + 1) & 2) != 0 else c
    return s, c


@_inline
def _sin(x):
    return _sincos(x)[0]


@_inline
def _cos(x):
    return _sincos(x)[1]


@_inline
def _maximum(x, y):
    return x if x > y else y


@_inline
def _step(x, at_zero):
    return 1.0 if x > 0.0 else (0.0 if x < 0.0 else at_zero)


NUMBA_FUNCTIONS: dict[str, Any] = {
    "exp": _exp,
    "tanh": _tanh,
    "expit": _expit,
    "softplus": _softplus,
    "erf": _erf,
    "normal_cdf": _normal_cdf,
    "sin": _sin,
    "cos": _cos,
    "maximum": _maximum,
    "step": _step,
}
"""Name in a formula of :mod:`numerics.descent.formulas` → function that numba inlines."""
