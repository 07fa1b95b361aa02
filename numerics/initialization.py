"""Random initializations of the two-layer network: hidden pre-activations a0 and outer weights V0.

Setting (two-layer section of the theory): W (k x d) with independent N(0, W_std^2) entries, input u uniform on the unit
sphere of R^d, V (n x k) with independent centred entries of variance V_scale^2. The flow only sees a = W u
(`dip2.reduction`), and a0 ~ N(0, W_std^2 I_k) whatever d, because the law of W is invariant under rotations: so a0 is
drawn directly unless d is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from numerics.door import number

Array = NDArray[np.float64]
Train = Literal["both", "W"]

_CUT = 2.0  # truncation of the normal distribution, in its own standard deviations
# Variance of N(0, 1) given |x| <= c: 1 - 2 c pdf(c) / (2 cdf(c) - 1).
_MASS = 2.0 * float(ndtr(_CUT)) - 1.0
_STD = math.sqrt(1.0 - 2.0 * _CUT * math.exp(-0.5 * _CUT**2) / (math.sqrt(2.0 * math.pi) * _MASS))


@dataclass(frozen=True)
class EntryDistribution:
    """A centred law of variance 1 for the entries of V.

    D_V bounds the modulus of an entry (inf: unbounded, then the lemmas that use D_V say nothing). sub_gaussian: whether
    E exp(s v) <= exp(s^2/2) for every s (variance proxy 1), as `dip2.output_sub_gaussian` needs; `reason` says why.
    c_1: lower bound of E|<v, p>| over unit vectors p (`wonly.width`): E|v_ij|/sqrt 2 by Khinchine's inequality, sqrt(2/pi)
    for the normal law.
    """

    name: str
    D_V: float
    sub_gaussian: bool
    reason: str
    c_1: float
    draw: Callable[[np.random.Generator, tuple[int, int]], Array]


def _below(value: float) -> float:
    """A lower bound of the real number that was rounded, in a few operations, to `value`."""
    return value * (1.0 - 1e-14)


def _truncated(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    # Inverse distribution function on the mass between -c and c: one uniform an entry, no rejection.
    x = ndtri(float(ndtr(-_CUT)) + _MASS * rng.random(shape))
    return np.asarray(np.clip(x, -_CUT, _CUT) / _STD, dtype=np.float64)


ENTRY_DISTRIBUTIONS: Mapping[str, EntryDistribution] = MappingProxyType(
    {
        "rademacher": EntryDistribution(
            "rademacher",
            1.0,
            True,
            "cosh s <= exp(s^2/2), term by term",
            _below(math.sqrt(0.5)),
            lambda rng, shape: np.asarray(2.0 * rng.integers(0, 2, shape) - 1.0, dtype=np.float64),
        ),
        "uniform": EntryDistribution(
            "uniform",
            math.nextafter(math.sqrt(3.0), math.inf),
            True,
            "sinh(sqrt(3) s)/(sqrt(3) s) <= exp(s^2/2), term by term as (2j+1)!! >= 3^j",
            _below(math.sqrt(3.0) / 2 * math.sqrt(0.5)),
            lambda rng, shape: rng.uniform(-math.sqrt(3.0), math.sqrt(3.0), shape),
        ),
        "truncated_normal": EntryDistribution(
            "truncated_normal",
            math.nextafter(_CUT / _STD * (1.0 + 1e-14), math.inf),
            True,
            "a tilt moves the mean of a normal law truncated to [-c, c], which only lowers its variance",
            # E|x| = 2 (pdf(0) - pdf(c))/mass before scaling to variance 1
            _below(2 * (1 - math.exp(-0.5 * _CUT**2)) / math.sqrt(2 * math.pi) / _MASS / _STD * math.sqrt(0.5)),
            _truncated,
        ),
        "gaussian": EntryDistribution(
            "gaussian",
            math.inf,
            True,
            "equality",
            _below(math.sqrt(2 / math.pi)),
            lambda rng, shape: rng.standard_normal(shape),
        ),
    }
)
"""Name → law, each scaled to variance 1:

rademacher        ±1 with probability 1/2 each, D_V = 1
uniform           uniform on [-sqrt 3, sqrt 3], D_V = sqrt 3
truncated_normal  normal law given that it is within two of its standard deviations, D_V = 2.2736...
gaussian          normal law, D_V = inf: lemmas that bound the entries say nothing

>>> {name: round(law.D_V, 4) for name, law in ENTRY_DISTRIBUTIONS.items()}
{'rademacher': 1.0, 'uniform': 1.7321, 'truncated_normal': 2.2736, 'gaussian': inf}
"""


def entry_distribution(name: str) -> EntryDistribution:
    """The law of that name; ValueError lists what there is."""
    if not isinstance(name, str) or name not in ENTRY_DISTRIBUTIONS:
        raise ValueError(f"unknown distribution V = {name!r}; known: {', '.join(ENTRY_DISTRIBUTIONS)}")
    return ENTRY_DISTRIBUTIONS[name]


def D_V(name: str, V_scale: float = 1.0) -> float:
    """Bound of the entries of V (inf for gaussian), scaled by V_scale > 0.

    >>> D_V("rademacher", 2.0)
    2.0
    """
    return entry_distribution(name).D_V * V_scale


def initialize(
    n: int,
    k: int,
    rng: np.random.Generator,
    *,
    train: Train = "both",
    W_std: float = 1.0,
    V: str = "rademacher",
    V_scale: float = 1.0,
    antisymmetric: bool = False,
    d: int | None = None,
) -> tuple[Array, Array]:
    """(a0, V0), shapes (k,) and (n, k), for n outputs and k hidden neurons.

    train does not change the law (both layers start the same way); it is checked here so that a typo is met at the
    door. W_std: standard deviation of the entries of W; V: law of the entries of V (`ENTRY_DISTRIBUTIONS`), times
    V_scale. d: dimension of the random input; given, W (k x d) and u are drawn and a0 = W u, else a0 is drawn
    directly. antisymmetric: V0 = [V', -V'], a0 = [a', a'] with k even: the output at the start is zero
    (`dip2.antisymmetric`; exactly so, up to the order in which a floating-point product sums its terms; concentration
    lemmas then hold with k/2). a0 and V0 use independent child generators of `rng`, so that changing the law of one
    leaves the other as it was.

    >>> a0, V0 = initialize(3, 4, np.random.default_rng(0), antisymmetric=True)
    >>> bool((V0[:, :2] == -V0[:, 2:]).all() and (a0[:2] == a0[2:]).all())
    True
    """
    for value, name in ((n, "n (number of outputs)"), (k, "k (width of the network)")):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(f"{name} must be an integer >= 1, got {value!r}")
    if train not in ("both", "W"):
        raise ValueError(f'train must be "both" or "W", got {train!r}')
    for scale, name in ((W_std, "W_std"), (V_scale, "V_scale")):
        number(name, scale)
        if not (math.isfinite(scale) and scale > 0):
            raise ValueError(f"{name} must be a finite number > 0, got {scale!r}")
    if d is not None and (isinstance(d, bool) or not isinstance(d, int | np.integer) or d < 1):
        raise ValueError(f"d (dimension of the input) must be an integer >= 1, got {d!r}")
    if not isinstance(antisymmetric, bool | np.bool_):
        raise ValueError(f"antisymmetric = {antisymmetric!r}; it is True or False")
    if antisymmetric and k % 2:
        raise ValueError(f"an antisymmetric initialization pairs the neurons: the width k must be even, got {k}")
    law = entry_distribution(V)
    hidden, outer = rng.spawn(2)
    half = k // 2 if antisymmetric else k
    if d is None:
        a0 = hidden.standard_normal(half)
    else:
        u = hidden.standard_normal(d)
        a0 = hidden.standard_normal((half, d)) @ (u / np.linalg.norm(u))
    a0 = W_std * a0
    V0 = V_scale * law.draw(outer, (n, half))
    if antisymmetric:
        a0, V0 = np.concatenate([a0, a0]), np.concatenate([V0, -V0], axis=1)
    return a0, np.ascontiguousarray(V0)
