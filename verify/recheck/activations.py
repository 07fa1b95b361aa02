"""The activations: phi and phi' of a ball, the suprema of |phi'| and |phi''|, the open interval phi(R)."""

from collections.abc import Callable
from typing import Any

from flint import arb

from .strict import need

Pair = tuple[Any, Any]


def _sigmoid(x: Any) -> Any:
    e = (-abs(x)).exp()
    return 1 / (1 + e) if x >= 0 else e / (1 + e)


def _softplus(x: Any) -> Any:
    return (x + abs(x)) / 2 + (-abs(x)).exp().log1p()


def _normal(x: Any) -> Pair:
    """Distribution function and density of the standard normal law."""
    return (-x / arb(2).sqrt()).erfc() / 2, (-x * x / 2).exp() / (2 * arb.pi()).sqrt()


def _gelu(x: Any) -> Pair:
    F, p = _normal(x)
    return x * F, F + x * p


def _silu_peak() -> Any:
    """The root in (2, 3) of x tanh(x/2) = 2, by bisection: the left side increases."""
    low, high = arb(2), arb(3)
    for _ in range(120):
        mid = (low + high) / 2
        low, high = (mid, high) if mid * (mid / 2).tanh() < 2 else (low, mid)
    need(low * (low / 2).tanh() < 2 < high * (high / 2).tanh(), "silu")
    return low.union(high)


# name: (x to phi(x), phi'(x), in forms that keep their relative accuracy far out; sup|phi'|, sup|phi''|).
# tanh: |phi''| = 2u(1 - u^2), u = |tanh| = 1/sqrt 3. erf: (4/sqrt pi)|x|e^(-x^2) at 1/sqrt 2. sigmoid = (1 + tanh(x/2))/2.
# softplus' = sigmoid. gelu'' = (2 - x^2) n(x): phi' is extremal at +-sqrt 2, phi'(-x) = 1 - phi'(x), |phi''| at 0. silu'' =
# s(x)s(-x)(2 - x tanh(x/2)): phi' is extremal at the peak x0, s(x0) = 1/2 + 1/x0, phi'(x0) = 1/2 + x0/4; |phi''| is 1/2 at 0.
_TABLE: dict[str, tuple[Callable[[Any], Pair], Callable[[], Pair]]] = {
    "tanh": (lambda x: (x.tanh(), x.sech() ** 2), lambda: (arb(1), 4 / (3 * arb(3).sqrt()))),
    "erf": (
        lambda x: (x.erf(), 2 * (-x * x).exp() / arb.pi().sqrt()),
        lambda: (2 / arb.pi().sqrt(), 2 * arb(2).sqrt() / (arb.pi() * arb(1).exp()).sqrt()),
    ),
    "sigmoid": (lambda x: (_sigmoid(x), (x / 2).sech() ** 2 / 4), lambda: (arb(1) / 4, 1 / (6 * arb(3).sqrt()))),
    "softplus": (lambda x: (_softplus(x), _sigmoid(x)), lambda: (arb(1), arb(1) / 4)),
    "identity": (lambda x: (x, arb(1)), lambda: (arb(1), arb(0))),
    "sin": (lambda x: (x.sin(), x.cos()), lambda: (arb(1), arb(1))),
    "gelu": (_gelu, lambda: (_gelu(arb(2).sqrt())[1], (2 / arb.pi()).sqrt())),
    "silu": (
        lambda x: (x * _sigmoid(x), _sigmoid(x) * (1 + x * _sigmoid(-x))),
        lambda: (arb(1) / 2 + _silu_peak() / 4, arb(1) / 2),
    ),
}
ACTIVATIONS = tuple(_TABLE)
#: Ends of phi(R) (None: unbounded) for increasing activations; the others have no wonly.threshold.
RANGE: dict[str, tuple[int | None, int | None]]
RANGE = {"tanh": (-1, 1), "erf": (-1, 1), "sigmoid": (0, 1), "softplus": (0, None), "identity": (None, None)}


def pair(name: str, x: Any) -> Pair:
    """Balls for phi(x) and phi'(x)."""
    return _TABLE[name][0](x)


def sup(name: str) -> Pair:
    """Balls for sup|phi'| and sup|phi''|."""
    return _TABLE[name][1]()
