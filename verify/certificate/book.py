"""The obligations of one certificate: each is made from the evidence when a claim asks for it, and kept with its witnesses.

Claims are the proved bounds moved outward by :data:`verify.certificate.linear.SLACK`, so that the checker's own derivation,
which rounds differently, confirms them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence
from .kernel import Kernel
from .linear import higher, lower
from .parts import Obligation
from .subject import Subject

Array = NDArray[np.float64]

# The checker encloses a phi(a) that is 0 in a ball of radius 2^-99: no smaller number is claimed as an upper bound of f.
_ZERO = 2.0**-90


class Book:
    """Obligations by id and witnesses by name. A method returns None where nothing can be proved.

    rate: the rate at which ρ falls along the run there, for advice; 0 if it is not known.
    """

    def __init__(self, evidence: Evidence, rate: float = 0.0) -> None:
        self.evidence, self.rate = evidence, rate
        self.obligations: dict[str, Obligation] = {}
        self.witnesses: dict[str, Array] = {}

    @property
    def subject(self) -> Subject:
        """The problem."""
        return self.evidence.subject

    def _enter(self, name: str, make: Callable[[], Obligation]) -> Obligation:
        if name not in self.obligations:
            self.obligations[name] = make()
        return self.obligations[name]

    def keep(self, **arrays: Array) -> tuple[str, ...]:
        """Keep witnesses; their names."""
        for name, array in arrays.items():
            self.witnesses[name] = np.ascontiguousarray(array)
        return tuple(arrays)

    def value(self, name: str) -> float:
        """The claimed number of an obligation that has been made."""
        return self.obligations[name].claim

    # --- the operator
    def _whitened(self) -> tuple[str, ...]:
        white = self.evidence.whitening
        return () if white is None else self.keep(N=white.N)

    def sigma_F(self) -> Obligation | None:
        """σ_F from below."""
        return self._enter("sigma_F", self._sigma_F) if self.evidence.sigma_F > 0 else None

    def _sigma_F(self) -> Obligation:
        evidence = self.evidence
        if self.subject.R is None and self.subject.C is None:
            return Obligation("sigma_F", "sigma_F_lower", 1.0, "identity")
        params: dict[str, float | int] = {}
        names: tuple[str, ...] = ()
        if evidence.whitening is not None and evidence.norm_N is not None:
            params["mu"] = evidence.norm_N.mu
            names += self.keep(N=evidence.whitening.N, L_N=evidence.norm_N.L)
        if evidence.whitening_C is not None and evidence.norm_N_C is not None:
            params["mu_C"] = evidence.norm_N_C.mu
            names += self.keep(N_C=evidence.whitening_C.N.T, L_N_C=evidence.norm_N_C.L)
        return Obligation("sigma_F", "sigma_F_lower", lower(evidence.sigma_F), "whitening", params, names)

    def sigma_F_above(self) -> Obligation | None:
        """σ_F from above, by the image of one vector."""
        if self.subject.R is None and self.subject.C is None:
            return self._enter("sigma_F_above", lambda: Obligation("sigma_F_above", "sigma_F_upper", 1.0, "identity"))
        found = self.evidence.smallest_direction
        if found is None:
            return None
        return self._enter("sigma_F_above", lambda: Obligation(
            "sigma_F_above", "sigma_F_upper", higher(found[1]), "vector", {},
            (*self.keep(z_F=found[0]), *self._whitened())))  # fmt: skip

    def T_norm(self) -> Obligation | None:
        """|T| from above, T injective (one factor, C or a square R)."""
        if self.subject.R is None and self.subject.C is None:
            return self._enter("T_norm", lambda: Obligation("T_norm", "T_norm_upper", 1.0, "identity"))
        value, proof = self.evidence.T_norm
        if proof is None:
            return self._enter("T_norm", lambda: Obligation("T_norm", "T_norm_upper", higher(value), "frobenius"))
        return self._enter("T_norm", lambda: Obligation(
            "T_norm", "T_norm_upper", higher(value), "gram", {"mu": proof.mu}, self.keep(L_T=proof.L)))  # fmt: skip

    # --- the network
    def sigma_0(self) -> Obligation | None:
        """σ_min(U'J_g) from below."""
        proved = self.evidence.full_rank and self.evidence.sigma_0 > 0
        return self._enter("sigma_0", self._sigma_0) if proved else None

    def _sigma_0(self) -> Obligation:
        evidence = self.evidence
        claim = lower(evidence.sigma_0)
        if evidence.smallest.L is None:  # both layers trained: the hidden layer alone
            return Obligation("sigma_0", "sigma_0_lower", claim, "hidden")
        names = (*self.keep(L_sigma0=evidence.smallest.L), *self._whitened())
        return Obligation("sigma_0", "sigma_0_lower", claim, "shift", {"shift": evidence.smallest.shift}, names)

    def sigma_0_above(self) -> Obligation | None:
        """σ_min(U'J_g) from above, by one direction of Im T'."""
        found = self.evidence.weak_direction
        if found is None:
            return None
        return self._enter("sigma_0_above", lambda: Obligation(
            "sigma_0_above", "sigma_0_upper", higher(found[1]), "vector", {},
            (*self.keep(w_sigma0=found[0]), *self._whitened())))  # fmt: skip

    def c_V(self) -> Obligation:
        """max |U'v_i| from above."""
        return self._enter("c_V", lambda: Obligation(
            "c_V", "c_V_upper", higher(self.evidence.c_V), self._columns, {}, self._whitened()))  # fmt: skip

    def c_V_below(self) -> Obligation:
        """|U'v_i| from below for the longest."""
        return self._enter("c_V_below", lambda: Obligation(
            "c_V_below", "c_V_lower", lower(self.evidence.c_V_below), self._columns, {}, self._whitened()))  # fmt: skip

    @property
    def _columns(self) -> str:
        return "columns" if self.subject.R is None else "projected"

    def c_full(self) -> Obligation:
        """max |v_i| from above."""
        return self._enter(
            "c_full", lambda: Obligation("c_full", "c_full_upper", higher(self.evidence.c_full), "columns")
        )

    def f(self) -> Obligation | None:
        """|φ(a)|/√k from below."""
        value = lower(self.evidence.f[0])
        return self._enter("f", lambda: Obligation("f", "f_lower", value, "balls")) if value > 0 else None

    def f_above(self) -> Obligation:
        """|φ(a)|/√k from above."""
        return self._enter(
            "f_above", lambda: Obligation("f_above", "f_upper", higher(max(self.evidence.f[1], _ZERO)), "balls")
        )

    def B1(self) -> Obligation:
        """sup|φ'|."""
        return self._enter("B1", lambda: Obligation("B1", "B1_upper", higher(self.evidence.B1), "table"))

    def B2(self) -> Obligation | None:
        """sup|φ''|; None for ReLU."""
        if not self.evidence.smooth:
            return None
        return self._enter("B2", lambda: Obligation("B2", "B2_upper", higher(self.evidence.B2), "table"))

    # --- the data
    def rho_0(self) -> Obligation:
        """ρ from above."""
        return self._enter("rho_0", lambda: Obligation(
            "rho_0", "rho_0_upper", higher(self.evidence.rho[1]), "balls", {}, self._projected()))  # fmt: skip

    def _projected(self) -> tuple[str, ...]:
        white = self.evidence.whitening_C
        return () if white is None else self.keep(N_C=white.N.T)

    def rho_0_below(self) -> Obligation | None:
        """ρ from below (C absent: what is fitted is y itself)."""
        if self.subject.C is not None:
            return None
        value = lower(self.evidence.rho[0])
        return self._enter("rho_0_below", lambda: Obligation("rho_0_below", "rho_0_lower", value, "balls"))

    # --- the signal
    @cached_property
    def kernel(self) -> Kernel:
        """Numbers of `recover.kernel`."""
        return Kernel(self.evidence)

    def J_norm(self) -> Obligation:
        """|J_g| from above."""
        value, proof = self.kernel.J_norm, self.kernel.slope_norm[1]
        if proof is None:
            return self._enter("J_norm", lambda: Obligation("J_norm", "J_norm_upper", higher(value), "frobenius"))
        return self._enter("J_norm", lambda: Obligation(
            "J_norm", "J_norm_upper", higher(value), "gram", {"mu": proof.mu}, self.keep(L_J=proof.L)))  # fmt: skip

    def PKQ(self) -> Obligation:
        """|P K_0 Q| from above."""
        if self.subject.R is None:
            return self._enter("PKQ", lambda: Obligation("PKQ", "PKQ_upper", 0.0, "identity"))
        value, proof = self.kernel.coupling
        if proof is None:
            return self._enter("PKQ", lambda: Obligation(
                "PKQ", "PKQ_upper", higher(value), "frobenius", {}, self._whitened()))  # fmt: skip
        k = self.subject.k  # the checker's matrix is not divided by k
        return self._enter("PKQ", lambda: Obligation(
            "PKQ", "PKQ_upper", higher(value), "gram", {"mu": proof.mu * k * k},
            (*self.keep(L_PKQ=k * proof.L), *self._whitened())))  # fmt: skip

    def ker_0(self) -> Obligation:
        """|P(g(θ) - x̄/s)| from above."""
        if self.subject.R is None:
            return self._enter("ker_0", lambda: Obligation("ker_0", "ker_0_upper", 0.0, "identity"))
        return self._enter("ker_0", lambda: Obligation(
            "ker_0", "ker_0_upper", higher(self.kernel.start), "projected", {}, self._whitened()))  # fmt: skip

    def eps(self) -> Obligation:
        """|y - T x̄/s| from above, projected on Im T where C is present."""
        return self._enter("eps", lambda: Obligation(
            "eps", "eps_upper", higher(self.evidence.eps), "balls", {}, self._projected()))  # fmt: skip

    def start_distance(self) -> Obligation:
        """|g(θ) - x̄/s| from above."""
        return self._enter("start_distance", lambda: Obligation(
            "start_distance", "start_distance_upper", higher(self.evidence.start_distance), "balls"))  # fmt: skip
