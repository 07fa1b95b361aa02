"""The constants of one instance, each with the side of the truth on which it lies.

Everything here holds for the doubles that define the instance taken as exact numbers: the stored matrix T = s·A·S, the
data y, the initial parameters (a0, V0). Rounding of every intermediate result is accounted for (:mod:`numerics.rigorous`,
Arb enclosures of φ and φ'), so that what enters a guarantee is a bound, never an estimate.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.bound import Bound, estimate, exact, lower, upper
from numerics.networks.two_layer import TwoLayer
from numerics.operators import CompactSVD
from numerics.operators.dense import DenseOperator
from numerics.reduced import ReducedProblem
from numerics.rigorous import matmul_error, norm_upper, opnorm_upper, sigma_min_lower, up

from .problem import Problem

Floats = NDArray[np.float64]

_U = 2.0**-53
# The formulas divide by ρ0 and take the logarithm of the loss. An upper bound may be positive where the truth is zero.
_SMALLEST = 1e-150


@dataclass(frozen=True)
class Constants(Mapping[str, Bound]):
    """Bounds by the ASCII name of their symbol (:mod:`theory.symbols`)."""

    bounds: Mapping[str, Bound]

    def __getitem__(self, name: str) -> Bound:
        return self.bounds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.bounds)

    def __len__(self) -> int:
        return len(self.bounds)


def basis(svd: CompactSVD) -> Floats | None:
    """The basis U of Im Tᵀ, or None where it is everything (T square and invertible): nothing to restrict then."""
    return None if svd.U is None or svd.U.shape[0] == svd.U.shape[1] else svd.U


def residual_upper(problem: Problem, network: TwoLayer) -> tuple[float, float]:
    """Upper bounds of ‖T g(θ) − y‖ and of ρ = ψ(L_y(T g(θ))) at a network in full coordinates (V of shape n × k)."""
    # a truncated operator is C Uᵀ, of which T is the rounded product
    return misfit_upper(problem.forward, problem, network, problem.svd.operator.array_error())


def misfit_upper(
    C: Floats, problem: Problem | ReducedProblem, network: TwoLayer, operator_error: float = 0.0
) -> tuple[float, float]:
    """Upper bounds of ‖v − y‖ and ψ(L_y(v)), v = C V φ(a)/√k; C (m × p) and V (p × k) in the same coordinates.

    C may be off the operator that is meant by `operator_error` (Frobenius).
    """
    residual, error = residual_of(C, problem.y, network, operator_error)
    bound = norm_upper(residual, error)
    weights = problem.loss.weights
    if weights is None:
        return bound, bound
    root = np.sqrt(weights)
    w_min, w_max = float(weights.min()), float(weights.max())
    scaled = norm_upper(root * residual) * (1 + 16 * _U) + math.sqrt(w_max) * (1 + 4 * _U) * error
    return bound, up(scaled / math.sqrt(w_min) * (1 + 16 * _U))


def residual_of(C: Floats, y: Floats, network: TwoLayer, operator_error: float = 0.0) -> tuple[Floats, float]:
    """v − y for v = C V φ(a)/√k, and an upper bound of the distance of this vector from the exact one.

    v is computed as ((C V) φ)/√k; the allowance covers the two products, φ itself (Arb), the scaling, and C being off
    the operator that is meant by `operator_error` (Frobenius).
    """
    k = network.k
    phi, phi_error = network.activation.enclose_phi(network.a)
    if is_paired(network):
        # V0 = [V', −V'], a0 = [a', a'] as doubles: the sum cancels exactly, x(0) = 0 (`dip2.antisymmetric`).
        difference, error = -y, 0.0
    else:
        CV = C @ network.V
        size_CV, size_phi, size_error = norm_upper(CV), norm_upper(phi), norm_upper(phi_error)
        gamma = (k + 16) * _U / (1 - (k + 16) * _U)
        product_error = matmul_error(C, network.V) + operator_error * norm_upper(network.V)
        error = (
            product_error * (size_phi + size_error) + size_CV * (size_error + 2 * gamma * size_phi)
        ) / math.sqrt(k)  # fmt: skip
        difference = CV @ phi / math.sqrt(k) - y
        error = up(error * (1 + 2.0**-45) + 2 * _U * norm_upper(difference))
    return difference, error


def is_paired(network: TwoLayer) -> bool:
    """Whether the neurons come in pairs of opposite sign, so that g(θ) = 0 exactly."""
    half = network.k // 2
    return bool(
        network.k % 2 == 0
        and np.array_equal(network.a[:half], network.a[half:])
        and np.array_equal(network.V[:, :half], -network.V[:, half:])
    )


def noise_upper(problem: Problem) -> float | None:
    """Upper bound of ‖y − A x̄‖ for the stored y, A and x̄ (and of ‖y − T ḡ‖, s ḡ = x̄, without synthesis); None if unknown.

    The drawn noise vector is not it: A x̄, and its sum with the noise, are rounded before they become y.
    """
    if problem.noise_norm is None:
        return None
    if problem.truth is None:
        return problem.noise_norm.as_upper()
    A, truth = problem.operator, problem.truth[:, None]
    clean, error = A.left_multiply(truth)
    largest = _difference_upper(problem.y, clean[:, 0], error)
    if problem.synthesis is None:
        ideal = truth / problem.output_scale
        error = matmul_error(problem.forward, ideal)
        error += (problem.svd.operator.array_error() + 2 * _U * norm_upper(problem.forward)) * norm_upper(ideal)
        largest = max(largest, _difference_upper(problem.y, (problem.forward @ ideal)[:, 0], error * (1 + 8 * _U)))
    return largest


def _difference_upper(y: Floats, v: Floats, error: float) -> float:
    """Upper bound of ‖y − w‖ for every w within `error` of v."""
    difference = y - v
    return norm_upper(difference, up(error + 2 * _U * norm_upper(difference)))


def loss_upper(rho_upper: float, w_min: float) -> float:
    """L = w_min ρ²/2 from an upper bound of ρ = √(2L/w_min), rounded upward."""
    return up(0.5 * w_min * rho_upper * rho_upper * (1 + 8 * _U))


def of_problem(problem: Problem) -> Constants:
    """All constants at t = 0. The costly ones are two verified Cholesky factorizations of order p."""
    svd, network = problem.svd, problem.network
    T = problem.forward
    U = basis(svd)
    m, n = T.shape
    out: dict[str, Bound] = {
        "n": exact(n, "entries of the network's output"),
        "m": exact(m, "entries of the data"),
        "k": exact(network.k, "width"),
        "rank": exact(svd.rank, "numerical rank, certified by sigma_F > 0"),
    }
    if svd.truncated:  # the operator is C Uᵀ, not the rounded product that T stores
        out["sigma_F"], out["A_norm"] = svd.sigma_min, svd.opnorm
    elif isinstance(
        svd.operator, DenseOperator
    ):  # these bounds are about T itself, and the decomposition has made them
        out["sigma_F"] = lower(
            svd.sigma_min.as_lower(), "verified Cholesky factorization of the operator's Gram matrix"
        )
        out["A_norm"] = upper(svd.opnorm.as_upper(), "verified Cholesky factorization")
    else:
        out["sigma_F"] = lower(sigma_min_lower(T), "verified Cholesky factorization of the operator's Gram matrix")
        out["A_norm"] = upper(opnorm_upper(T), "verified Cholesky factorization")
    out["kappa"] = estimate(float(svd.sigma[0] / svd.sigma[-1]), "ratio of floating-point singular values")
    activation = network.activation
    out["B1"] = activation.B1
    if activation.theory.smooth:
        out["B2"] = activation.B2
    out["sigma_0"] = network.sigma_min(U, svd.sin_angle)
    out["J_norm"] = network.opnorm(U, svd.sin_angle)
    out["c_V"] = network.column_norm(U, svd.sin_angle)
    out["f_0"] = network.hidden_norm()
    if activation.theory.smooth:
        out["Lambda"] = network.modulus(U, svd.sin_angle)
        out["R"] = network.baseline_radius(max(out["sigma_0"].as_lower(), 0.0), U, svd.sin_angle)
    residual, rho = residual_upper(problem, network)
    rho = max(rho, _SMALLEST)
    out["residual_0"] = upper(residual, "‖y(0) − y‖ with rounding accounted for")
    out["rho_0"] = upper(rho, "ψ(L_y(y(0))) with rounding accounted for")
    out["loss_0"] = upper(loss_upper(rho, problem.loss.w_min), "w_min ρ0²/2")
    out["Phi_0"] = upper(up(0.5 * residual * residual * (1 + 4 * _U)), "½‖y(0) − y‖²")
    out["w_min"] = exact(problem.loss.w_min, "smallest weight of the loss")
    out["tau"] = exact(problem.tau, "given")
    out["y_norm"] = upper(norm_upper(problem.y), "norm of the data")
    if problem.noise_norm is not None:
        out["eps"] = _noise_level(problem)
    return Constants(out)


def _noise_level(problem: Problem) -> Bound:
    """‖ε‖ as the theorems need it: at least ‖y − A x̄‖; exactly 0 for data that are their own truth."""
    given = problem.noise_norm
    assert given is not None
    if given.value == 0 or problem.truth is None:
        return given
    bound = noise_upper(problem)
    assert bound is not None
    return upper(bound, f"‖y − A x̄‖ with rounding accounted for ({given.how})")
