"""From which width on is *one* instance certified, neurons being added to it? By every theorem, before any run.

The operator, the data and an endless supply of neurons (a_i, v_i) are drawn once; the network of width k is that of the first k
neurons, so that the smallest width certified is a number of the instance.  The operator is C Qᵀ with C = diag(s) and Q the exact
orthonormal basis of the rows of the stored frame; what is certified is about the stored s, frame, data and neurons taken as
exact numbers, as in :mod:`verify.constants`, with every constant on its side.  `wonly` is the exception: its verdict is proved
for the stored matrix B = diag(s) QᵀV/√k, as products in floating point left it.

`baseline` and `sharp` are the theorems as they stand for any operator, with V as a whole; `sharp_linear`, `energy`, `balanced`
and `saturated` use what linearity gives, the restriction to Im Aᵀ (`dip2.range_restriction`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from numerics.activations import CompiledActivation, activation
from numerics.amgm import dual
from numerics.balanced import balanced
from numerics.bound import Bound, lower, upper
from numerics.compile import enclose
from numerics.initialization import Train, entry_distribution
from numerics.networks.two_layer import TwoLayer
from numerics.path_lipschitz import path_lipschitz
from numerics.rigorous import matmul_error, norm_upper, orthonormality_defect, sigma_min_lower, up
from numerics.wonly import box, threshold
from numerics.zero_loss import zero_loss
from verify.constants import residual_of
from verify.instance_widths import SATURATED, saturated

__all__ = ["CRITERIA", "Nested", "Prefix", "smallest"]

Array = NDArray[np.float64]

_U = 2.0**-53
_TINY = 1e-150
_FINE = 64  # widths above are found to one part in so many


class _Shared(TwoLayer):
    """The first neurons of a larger network: enclosures of φ and φ' are those of the larger one."""

    whole: Nested

    @classmethod
    def first(cls, whole: Nested, k: int) -> _Shared:
        network = cls(whole.activation, whole.train, whole.a[:k], whole.V[:, :k])
        object.__setattr__(network, "whole", whole)
        return network

    def _phi(self) -> tuple[Array, Array]:
        value, error = self.whole.phi
        return value[: self.k], error[: self.k]

    def _dphi(self) -> tuple[Array, Array]:
        value, error = self.whole.dphi
        return value[: self.k], error[: self.k]


class Nested:
    """An operator, data, and neurons that are drawn as they are asked for.

    Parameters
    ----------
    s: shape (m,), the singular values, positive.
    frame: shape (m, n), orthonormal rows up to rounding: the operator is diag(s) times it.
    y: shape (m,).
    rng: of the neurons.
    """

    def __init__(
        self, s: Array, frame: Array, y: Array, rng: np.random.Generator, train: Train, phi: str, V: str
    ) -> None:
        self.s, self.frame, self.y, self.train = s, frame, y, train
        self.activation: CompiledActivation = activation(phi)
        self._law = entry_distribution(V)
        self._hidden, self._outer = rng.spawn(2)
        self.a, self.V = np.empty(0), np.empty((frame.shape[1], 0))
        self.phi = self.dphi = (np.empty(0), np.empty(0))
        self._prefixes: dict[int, Prefix] = {}

    def prefix(self, k: int) -> Prefix:
        """The network of the first k neurons."""
        while self.a.size < k:
            self._grow(max(16, self.a.size))
        if k not in self._prefixes:
            self._prefixes[k] = Prefix(self, _Shared.first(self, k))
        return self._prefixes[k]

    def _grow(self, more: int) -> None:
        a = self._hidden.standard_normal(more)
        V = self._law.draw(self._outer, (more, self.frame.shape[1])).T
        self.a, self.V = np.concatenate([self.a, a]), np.ascontiguousarray(np.hstack([self.V, V]))
        for name, enclosed in (("phi", self.activation.enclose_phi(a)), ("dphi", self.activation.enclose_dphi(a))):
            value, error = getattr(self, name)
            setattr(self, name, (np.concatenate([value, enclosed[0]]), np.concatenate([error, enclosed[1]])))

    @cached_property
    def U(self) -> Array:
        """(n, m): the basis of Im Aᵀ as stored."""
        return np.ascontiguousarray(self.frame.T)

    @cached_property
    def root(self) -> float:
        """A lower bound of √(1 − ‖UᵀU − I‖): what the stored basis loses on the exact one."""
        return math.sqrt(1 - orthonormality_defect(self.U)) * (1 - 4 * _U)

    @cached_property
    def sigma_F(self) -> Bound:
        """Smallest singular value of the operator."""
        return lower(
            sigma_min_lower(np.diag(self.s)) * self.root * (1 - 4 * _U), "smallest of s, less the defect of the frame"
        )

    @cached_property
    def operator(self) -> tuple[Array, float]:
        """diag(s) times the frame, (m, n), and the Frobenius norm of its rounding."""
        C = np.diag(self.s)
        return C @ self.frame, matmul_error(C, self.frame)


class Prefix:
    """A width of an instance, with the constants that were asked for."""

    def __init__(self, whole: Nested, network: TwoLayer) -> None:
        self.whole, self.network = whole, network

    @cached_property
    def rho_0(self) -> Bound:
        """‖y(0) − y‖."""
        matrix, error = self.whole.operator
        residual = norm_upper(*residual_of(matrix, self.whole.y, _with_known(self.network), error))
        return upper(max(residual, _TINY), "‖y(0) − y‖ with rounding accounted for")

    def constants(self, restricted: bool) -> Mapping[str, Bound]:
        """σ0, Λ, c_V, ρ0 and σ_F; those of the Jacobian restricted to Im Aᵀ if asked for."""
        return self._restricted if restricted else self._plain

    @cached_property
    def _restricted(self) -> Mapping[str, Bound]:
        return self._constants(self.whole.U)

    @cached_property
    def _plain(self) -> Mapping[str, Bound]:
        return self._constants(None)

    def _constants(self, U: Array | None) -> Mapping[str, Bound]:
        network = self.network
        return {
            "sigma_0": network.sigma_min(U),
            "Lambda": network.modulus(U),
            "c_V": network.column_norm(U),
            "rho_0": self.rho_0,
            "sigma_F": self.whole.sigma_F,
        }

    def hadamard(self, restricted: bool) -> float:
        """h of `sharp.condition` from above; inf without σ0 > 0."""
        known = self.constants(restricted)
        sigma_0 = known["sigma_0"].as_lower()
        if sigma_0 <= 0:
            return math.inf
        values = {"Lambda": known["Lambda"].as_upper(), "rho_0": self.rho_0.as_upper(), "sigma_0": sigma_0}
        return enclose("sharp.condition", "h", {**values, "sigma_F": self.whole.sigma_F.as_lower()}).upper


def _with_known(network: TwoLayer) -> TwoLayer:
    """The same with an activation that hands out the enclosures that are there."""
    return TwoLayer(_Known(network), network.train, network.a, network.V)  # type: ignore[arg-type]


class _Known:
    """The activation of a network, its enclosures at the network's a known."""

    def __init__(self, network: TwoLayer) -> None:
        self._network = network

    def __getattr__(self, name: str) -> object:
        return getattr(self._network.activation, name)

    def enclose_phi(self, a: Array) -> tuple[Array, Array]:
        assert a is self._network.a
        return self._network._phi()

    def enclose_dphi(self, a: Array) -> tuple[Array, Array]:
        assert a is self._network.a
        return self._network._dphi()


def _baseline(prefix: Prefix) -> bool:
    known = prefix.constants(restricted=False)
    sigma_0 = known["sigma_0"].as_lower()
    if sigma_0 <= 0:
        return False
    values = {"rho_0": prefix.rho_0.as_upper(), "sigma_F": prefix.whole.sigma_F.as_lower(), "sigma_0": sigma_0}
    R_prime = enclose("baseline.condition", "R_prime", values).upper
    return R_prime < prefix.network.baseline_radius(sigma_0).as_lower()


def _energy(prefix: Prefix) -> bool:
    whole, network = prefix.whole, prefix.network
    known = prefix.constants(restricted=True)
    sigma_0, c_V = known["sigma_0"].as_lower(), known["c_V"].as_upper()
    if sigma_0 <= 0:
        return False
    rho_0 = prefix.rho_0.as_upper()
    # z = Uᵀg(0) − y/s, whose image is the residual at the start
    point = whole.y / whole.s
    z = norm_upper(*residual_of(whole.frame, point, _with_known(network)))
    dist0 = up((z + 2 * _U * norm_upper(point)) / whole.root * (1 + 8 * _U))
    E_0 = enclose("illposed.discrepancy", "E_0", {"dist0": dist0, "sigma_0": sigma_0}).upper
    phi, error = network._phi()
    B1, B2, sup = network.activation.B1.as_upper(), network.activation.B2.as_upper(), network.activation.theory.phi_sup

    def modulus(c: float) -> float:
        return enclose("dip2.modulus", "Lambda_both", {"B1": B1, "B2": B2, "c_V": c, "k": float(network.k)}).upper

    along = path_lipschitz(
        modulus,
        c_V,
        network.hidden_norm().as_lower(),
        network.k,
        B1,
        float(np.max(np.abs(phi) + error)) * (1 + 2.0**-50),
        math.inf if sup is None else float(sup),
    )
    Phi_0 = up(0.5 * rho_0 * rho_0 * (1 + 4 * _U))
    found = zero_loss(E_0, Phi_0, sigma_0, known["Lambda"].as_upper(), along, whole.sigma_F.as_lower())
    return found is not None


def _amgm(prefix: Prefix) -> bool:
    known = _Known(prefix.network)
    return dual(known, prefix.network.a, prefix.rho_0.as_upper(), prefix.whole.sigma_F.as_lower()).certified


def _balanced(prefix: Prefix) -> bool:
    network = prefix.network
    return balanced(network.activation, network.a, network.column_norms(prefix.whole.U)).certified


def _saturated(prefix: Prefix) -> bool:
    network = prefix.network
    known = prefix.constants(restricted=True)
    inside = TwoLayer(_Known(network), "W", network.a, network.restricted(prefix.whole.U))  # type: ignore[arg-type]
    return saturated(inside, {name: known[name] for name in SATURATED})


def _wonly(prefix: Prefix) -> bool:
    network, whole = prefix.network, prefix.whole
    B = whole.s[:, None] * network.restricted(whole.U) / math.sqrt(network.k)
    return bool(threshold(B, whole.y, *box(network.activation, network.a)).feasible)


CRITERIA: Mapping[str, Mapping[str, Callable[[Prefix], bool]]] = MappingProxyType(
    {
        "both": {
            "sharp": lambda prefix: prefix.hadamard(False) < 0.5,
            "sharp_linear": lambda prefix: prefix.hadamard(True) < 0.5,
            "energy": _energy,
            "amgm": _amgm,
            "balanced": _balanced,
            "baseline": _baseline,
        },
        "W": {
            "sharp": lambda prefix: prefix.hadamard(False) < 0.5,
            "sharp_linear": lambda prefix: prefix.hadamard(True) < 0.5,
            "saturated": _saturated,
            "wonly": _wonly,
            "baseline": _baseline,
        },
    }
)
"""Way of training → criterion → whether its theorem holds for the first neurons of an instance."""


def smallest(instance: Nested, name: str, most: int, least: int = 1) -> float:
    """The smallest width found at which criterion `name` of :data:`CRITERIA` certifies the instance; inf: none up to `most`.

    Found by doubling from `least` and bisection, beyond 64 neurons to one part in 64: the criterion holds at the width returned
    and fails at one below it within that step.  A neuron more may spoil a criterion, so that this need not be the very smallest.
    """
    ok = CRITERIA[instance.train][name]
    low, high = least - 1, least
    while not ok(instance.prefix(high)):
        if high >= most:
            return math.inf
        low, high = high, min(2 * high, most)
    while high - low > max(1, high // _FINE):
        middle = (low + high) // 2
        low, high = (low, middle) if ok(instance.prefix(middle)) else (middle, high)
    return float(high)
