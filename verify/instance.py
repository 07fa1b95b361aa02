"""One instance: a problem with its constants, its reduced flow, and the way back from the flow to the signal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics import compile as compiled
from numerics.flow import ReducedProblem, Trajectory
from numerics.flow import signal as network_output
from numerics.networks.two_layer import TwoLayer
from numerics.reduced import InnerLayer
from numerics.rigorous import norm_upper, opnorm_upper, sigma_min_lower, up
from theory.ledger import registry
from theory.symbols import SYMBOLS

from .constants import Constants, basis, is_paired, noise_upper, of_problem
from .problem import Problem

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Instance:
    """A problem and what follows from it before any simulation."""

    problem: Problem
    constants: Constants

    @classmethod
    def of(cls, problem: Problem) -> Instance:
        """Evaluate the constants of `problem` at t = 0."""
        return cls(problem, of_problem(problem))

    # --- the reduced flow
    @cached_property
    def U(self) -> Floats | None:
        """Basis of Im Tᵀ (n × p), None where it is the whole space."""
        return basis(self.problem.svd)

    @cached_property
    def reduced(self) -> ReducedProblem:
        """The flow in the coordinates (a, V̂ = UᵀV) (`dip2.reduction`, `dip2.range_restriction`)."""
        problem = self.problem
        network, svd = problem.network, problem.svd
        if self.U is None:
            return ReducedProblem(
                problem.forward, problem.y, problem.loss, network.activation, network.train, network.a, network.V
            )
        # UᵀV is known already: the constants are about it
        V = network.restricted(self.U)
        return ReducedProblem(svd.core(), problem.y, problem.loss, network.activation, network.train, network.a, V)

    def reduced_network(self) -> TwoLayer:
        """The network at θ(0) in reduced coordinates (V̂ = UᵀV, p × k)."""
        reduced = self.reduced
        return TwoLayer(reduced.activation, reduced.train, reduced.a0, reduced.V0)

    @cached_property
    def inner_matrix(self) -> Floats:
        """B = T V0/√k (m × k) as the W-only flow uses it: the stored matrix is what W-only guarantees are about."""
        system = self.reduced.system()
        assert isinstance(system, InnerLayer)
        return system.B

    @cached_property
    def reduced_sigma_F(self) -> float:
        """σ_min of the operator C of the reduced flow, from below (T itself where nothing is restricted)."""
        return self.constants["sigma_F"].as_lower() if self.U is None else sigma_min_lower(self.reduced.C)

    def signal(self, trajectory: Trajectory, i: int) -> Floats:
        """x(t_i) = S (s g(θ(t_i))), shape (n_x,)."""
        return self.to_signal(network_output(trajectory, i, self.problem.network, self.U))

    def to_signal(self, g: Floats) -> Floats:
        """S (s g) for g of shape (n,)."""
        scaled = self.problem.output_scale * g
        synthesis = self.problem.synthesis
        return scaled if synthesis is None else np.asarray(synthesis.matvec(scaled), dtype=np.float64)

    # --- the two parts of the signal
    @cached_property
    def right_inverse(self) -> tuple[Floats, Floats]:
        """Matrices M (n_x × p), P (m × p) with R = M Pᵀ, the right inverse S s T⁺ of A on its range (`recover.split`).

        Any matrix serves in `recover.split`, so that the rounding of this one costs no rigour.
        """
        svd = self.problem.svd
        assert svd.P is not None  # the problem decomposes a stored matrix
        columns = svd.U if svd.U is not None else np.eye(self.problem.network.n)
        scaled = self.problem.output_scale * columns / svd.sigma
        synthesis = self.problem.synthesis
        return (scaled if synthesis is None else np.asarray(synthesis.matmat(scaled), dtype=np.float64)), svd.P

    def unseen(self, x: Floats) -> Floats:
        """(I − R A) x: the part of a signal that the data do not determine, shape (n_x,)."""
        M, P = self.right_inverse
        return np.asarray(x - M @ (P.T @ self.problem.operator.matvec(x)), dtype=np.float64)

    @cached_property
    def right_inverse_norm(self) -> float:
        """Upper bound of ‖R‖ = ‖M Pᵀ‖ ≤ ‖M‖‖P‖."""
        M, P = self.right_inverse
        return up(opnorm_upper(M) * opnorm_upper(P) * (1 + 2.0**-50))

    @cached_property
    def signal_norm_bound(self) -> float:
        """Upper bound of ‖s S‖, by which errors of g become errors of x."""
        synthesis = self.problem.synthesis
        size = 1.0 if synthesis is None else synthesis.opnorm().as_upper()
        return up(self.problem.output_scale * size * (1 + 2.0**-50))

    @cached_property
    def unseen_norm(self) -> float:
        """Upper bound of ‖I − R A‖ ≤ 1 + ‖R‖‖A‖."""
        return 1.0 + self.right_inverse_norm * self.problem.operator.opnorm().as_upper()

    @cached_property
    def is_injective(self) -> bool:
        """Whether the operator determines the signal (rank = number of entries of x)."""
        return self.problem.svd.rank == self.problem.operator.shape[1]

    # --- kernel of T, for `recover.kernel`
    @cached_property
    def kernel_coupling(self) -> float:
        """Upper bound of ‖P K0 Q‖, K0 = J_g(0)J_g(0)ᵀ, P the projector on ker T; 0 where T is injective."""
        if self.U is None:
            return 0.0
        network, U = self.problem.network, self.U
        slope = network.activation.dphi(network.a)
        weighted = network.V * (slope * slope / network.k)
        coupled = weighted @ (U.T @ network.V).T  # K0 U up to f² U, which P removes
        projected = coupled - U @ (U.T @ coupled)
        # Each product loses at most (k + n + 8) ulp of the product of the Frobenius norms; the computed basis is off a
        # true one by sin_angle =: α in norm, which changes P by at most 2α + α² and P K U by that and α, times ‖K‖.
        size = norm_upper(network.V * slope) * norm_upper(network.V) * network.activation.B1.as_upper() / network.k
        ulps = (network.k + 2 * network.n + 64) * 2.0**-53
        angle = self.problem.svd.sin_angle
        return up(opnorm_upper(projected) + size * (4 * ulps * (1 + U.shape[1]) + 4 * angle))

    @cached_property
    def full_modulus(self) -> float:
        """Λ of the whole Jacobian, not only of its rows in Im Tᵀ."""
        return self.problem.network.modulus().as_upper()

    @cached_property
    def full_norm(self) -> float:
        """‖J_g(0)‖ from above."""
        return self.problem.network.opnorm().as_upper()

    def full_lipschitz(self, r: float) -> float:
        """Lipschitz constant of the whole Jacobian on B(θ0, r), from above."""
        return self.problem.network.lipschitz(r).as_upper()

    @cached_property
    def output_0(self) -> tuple[Floats, float]:
        """(g(θ(0)) in floating point, an upper bound of its error in norm); both exactly zero for paired neurons."""
        network = self.problem.network
        if is_paired(network):
            return np.zeros(network.n), 0.0
        phi, phi_error = network.activation.enclose_phi(network.a)
        size_V, size_phi = norm_upper(network.V), norm_upper(phi)
        ulps = (network.k + 16) * 2.0**-53 / (1 - (network.k + 16) * 2.0**-53)
        error = size_V * (2 * ulps * size_phi + norm_upper(phi_error) * (1 + 2 * ulps)) / np.sqrt(network.k)
        return network.V @ phi / np.sqrt(network.k), up(error * (1 + 2.0**-45))

    @cached_property
    def data_error(self) -> float | None:
        """Upper bound of ‖y − A x̄‖, rounding included: > 0 even for data without noise. None if not known."""
        return noise_upper(self.problem)

    def start_error(self) -> tuple[Floats, float] | None:
        """(g(0) − x̄/s, an upper bound of its error), with no synthesis. None if the truth is not known."""
        problem = self.problem
        if problem.truth is None or problem.synthesis is not None:
            return None
        g0, error = self.output_0
        ideal = problem.truth / problem.output_scale
        difference = g0 - ideal
        rounding = 2.0**-53 * (norm_upper(ideal) + norm_upper(difference))
        return difference, up((error + rounding) * (1 + 2.0**-45))

    def kernel_error(self) -> float | None:
        """‖P(g(0) − ḡ)‖ from above, with no synthesis: x̄ = s ḡ. None if the truth is not known."""
        found = self.start_error()
        if found is None:
            return None
        if self.U is None:
            return 0.0
        difference, error = found
        projected = difference - self.U @ (self.U.T @ difference)
        size = norm_upper(difference, error)
        # I − UUᵀ loses n + p ulp of products of norms; it is off the projector on ker T by at most 2 sin_angle (+ its square).
        n, p = self.U.shape
        ulps = (n + p + 64) * 2.0**-53
        return up(norm_upper(projected) + 2 * error + size * (2 * ulps * (1 + p) + 3 * self.problem.svd.sin_angle))

    # --- formulas
    def values(self, identifier: str, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """What the formula needs: `given` first, the constants (each from the side that it is needed on) for the rest."""
        expression = self.problem.loss.kl.apply(registry[identifier].formulas[name])
        return {str(symbol): self._value(str(symbol), given) for symbol in expression.free_symbols}

    def _value(self, key: str, given: dict[str, Any]) -> Any:
        if key in given:
            return given[key] if np.ndim(given[key]) else float(given[key])
        if key not in self.constants:
            raise MissingConstant(f"{key} is needed ({SYMBOLS[key].meaning})")
        bound = self.constants[key]
        return bound.as_lower() if SYMBOLS[key].direction == "lower" else bound.as_upper()

    def upper(self, identifier: str, name: str, **given: float) -> float:
        """The formula from above: Arb enclosure of the expression in the theory at the safe sides of the constants."""
        values = self.values(identifier, name, given)
        return compiled.enclose(identifier, name, values, kl=self.problem.loss.kl).upper

    def lower(self, identifier: str, name: str, **given: float) -> float:
        """The formula from below."""
        values = self.values(identifier, name, given)
        return compiled.enclose(identifier, name, values, kl=self.problem.loss.kl).lower

    def curve(self, identifier: str, name: str, given: dict[str, Any]) -> Floats:
        """The formula over an array of times (or of losses), in float64; shape that of the arrays given."""
        shape = np.broadcast_shapes(*(np.shape(value) for value in given.values()))
        result = compiled.evaluate(identifier, name, self.values(identifier, name, given), kl=self.problem.loss.kl)
        return np.broadcast_to(np.asarray(result, dtype=np.float64), shape).copy()


class MissingConstant(LookupError):
    """A formula needs a quantity that is not known for this instance (the noise level, the truth, …)."""
