"""How far the recovered signal can be from the true one: `baseline.recovery`, `recover.linear|kernel|split`, and the case
of `recover.tension` that the instance is in. A bound that is vacuous is called so."""

from __future__ import annotations

import numpy as np

from numerics.rigorous import norm_upper, up

from ..instance import Instance
from ..observables import Observables
from .base import Curve, Guarantee, Status, not_evaluable, not_met, of_time, ratio

_BASELINE = "signal error by restricted injectivity (μ)"
_KERNEL = "signal error split along the kernel of A, a priori"
_SPLIT = "signal error split along the kernel of A, read off the run"

_CANCELS = 1e-9


def reach(instance: Instance, radius: float) -> float:
    """`recover.reach`: g(B(θ0, radius)) contains the ball of this radius around g(θ0)."""
    return max(0.0, instance.lower("recover.reach", "radius", r=radius))


def by_injectivity(instance: Instance, baseline: Guarantee) -> Guarantee:
    """`baseline.recovery` and `recover.linear`, with the case of `recover.tension` stated."""
    statement = "baseline.recovery"
    problem, constants = instance.problem, instance.constants
    known = problem.truth is not None and "eps" in constants
    if not baseline.in_force:
        reason = f"the baseline condition R' < R does not hold; {_tension(instance, None)}"
        return not_met(statement, _BASELINE, reason)
    R_prime = baseline.quantities["R_prime"]
    if not known:
        reason = f"needs the true signal and the noise level; {_tension(instance, R_prime)}"
        return not_evaluable(statement, _BASELINE, reason)
    if problem.synthesis is not None and not instance.is_injective and problem.svd.rank == problem.network.n:
        return not_evaluable(statement, _BASELINE, _tension(instance, R_prime))
    if not instance.is_injective:
        return Guarantee(statement, _BASELINE, "vacuous", _tension(instance, R_prime))
    mu = problem.operator.sigma_min().as_lower()
    L_F = problem.operator.opnorm().as_upper()
    if mu <= 0:
        return not_met(statement, _BASELINE, "σ_min(A) > 0 could not be proved")
    found = instance.start_error()
    distance = None if found is None else norm_upper(*found)
    if distance is None:
        from .illposed import truth_distance  # T is injective here, so ḡ with T ḡ = A x̄ is the one with S s ḡ = x̄

        distance = truth_distance(instance)
        assert distance is not None
    missing = max(0.0, distance - reach(instance, R_prime))
    dist = up(instance.signal_norm_bound * missing) if missing > 0 else 0.0
    case = f"{_tension(instance, R_prime)}; dist(x̄, Σ') ≤ {dist:.4g}" + (" (x̄ ∈ Σ')" if dist == 0 else "")

    eps = instance.data_error
    assert eps is not None

    def curve(identifier: str):
        given = {"mu": mu, "L_F": L_F, "A_norm": L_F, "dist": dist, "eps": eps}
        return of_time(lambda t: instance.curve(identifier, "bound", {"t": t, **given}))

    curves = (
        Curve("baseline.recovery", "signal_error", "upper", "‖x(t) − x̄‖ ≤ baseline bound", curve("baseline.recovery")),
        Curve("recover.linear", "signal_error", "upper", "‖x(t) − x̄‖ ≤ bound without “1 +”", curve("recover.linear")),
    )
    final = instance.upper("recover.linear", "bound_of_residual", residual=0.0, eps=eps, mu=mu, A_norm=L_F, dist=dist)
    return Guarantee(
        statement, _BASELINE, "in_force", case, None, {"mu": mu, "dist": dist, "limit": final}, curves=curves
    )


def _tension(instance: Instance, R_prime: float | None) -> str:
    """The case of `recover.tension` that the instance is in; R_prime only where R' < R is proved."""
    problem = instance.problem
    mu = problem.operator.sigma_min().as_lower() if instance.is_injective else 0.0
    if mu > 0:
        return f"A is injective: μ ≥ σ_min(A) ≥ {mu:.4g}, whatever Σ' is (recover.tension)"
    if instance.is_injective:
        return "A is injective as far as float64 can tell, but σ_min(A) > 0 is not proved (recover.tension)"
    m, n_x = problem.operator.shape
    kernel = f"A has a kernel of dimension {n_x - problem.svd.rank} ({m} × {n_x})"
    if problem.synthesis is not None:
        kernel = f"A has a kernel ({m} × {n_x})"
        if problem.svd.rank == problem.network.n:
            return (
                f"{kernel}, none of it in the range of the synthesis operator; dist(x̄, Σ') not known: see recover.split"
            )
        kernel += f", {problem.network.n - problem.svd.rank} dimensions of it in the range of the synthesis operator"
    if R_prime is None:
        return f"{kernel}: μ > 0 is not proved, and where R' < R holds μ = 0 for every x̄ ∈ Σ' (recover.tension)"
    found = instance.start_error()
    if found is not None and reach_full(instance, R_prime) >= norm_upper(*found):
        return f"{kernel} and x̄ ∈ Σ' (proved), so μ = 0 by recover.tension: the bound says nothing"
    return f"{kernel}; μ > 0 could hold only with x̄_Σ' on the boundary of Σ' (recover.tension), not proved"


def reach_full(instance: Instance, radius: float) -> float:
    """`recover.reach` for the whole signal (not only its part in Im Tᵀ)."""
    network = instance.problem.network
    sigma_0 = network.sigma_min().as_lower()
    if sigma_0 <= 0:
        return 0.0
    return max(0.0, instance.lower("recover.reach", "radius", r=radius, sigma_0=sigma_0, Lambda=instance.full_modulus))


def by_kernel(instance: Instance) -> Guarantee:
    """`recover.kernel`: the part in ker T drifts little where `sharp.condition` holds."""
    statement = "recover.kernel"
    problem, constants = instance.problem, instance.constants
    if problem.truth is None or "eps" not in constants:
        return not_evaluable(statement, _KERNEL, "needs the true signal and the noise level")
    if problem.synthesis is not None:
        return not_evaluable(statement, _KERNEL, "with a synthesis operator see recover.split")
    if "Lambda" not in constants or constants["sigma_0"].as_lower() <= 0:
        return not_met(statement, _KERNEL, "σ0 > 0 and a Lipschitz φ' are needed")
    Lambda = instance.full_modulus
    h = instance.upper("sharp.condition", "h", Lambda=Lambda)
    if not h < 0.5:
        return not_met(statement, _KERNEL, f"needs the sharp condition with the modulus of the whole Jacobian: h = {h:.4g} "
                       "is not below 1/2", 0.5 / h)  # fmt: skip
    eps = instance.data_error
    assert eps is not None
    ell_star = instance.upper("sharp.length", "ell_star", Lambda=Lambda)
    coupling = instance.kernel_coupling
    if instance.U is None:
        drift, start = 0.0, 0.0
    else:
        # the closed form divides by Λ and cancels where Λℓ* is small against σ0; both are upper bounds
        tiny = Lambda * ell_star < _CANCELS * constants["sigma_0"].as_lower()
        drift = instance.upper(
            statement, "drift_coarse" if tiny else "drift",
            PKQ=coupling, J_norm=instance.full_norm, Lambda=Lambda, ell_star=ell_star,
        )  # fmt: skip
        start = instance.kernel_error() or 0.0
    s = problem.output_scale
    given = {"ker_0": start, "drift": drift, "eps": eps}

    def bound(t: np.ndarray, observed: Observables) -> tuple[np.ndarray, np.ndarray]:
        rho = observed["rho"]
        at = np.searchsorted(rho.t, t)
        values = [
            s * instance.curve(statement, "bound", {**given, "rho": np.maximum(v, 0.0)})
            for v in (rho.value[at], rho.value[at] + rho.budget[at])
        ]
        return values[0], np.abs(values[1] - values[0])

    curve = Curve(statement, "signal_error", "upper", "‖x(t) − x̄‖ ≤ kernel bound", bound)
    limit = s * instance.upper(statement, "bound", rho=0.0, **given)
    truth = norm_upper(problem.truth)
    quantities = {"drift": s * drift, "ker_0": s * start, "PKQ": coupling, "limit": limit}
    reason = f"in the limit ‖x − x̄‖ ≤ {limit:.4g}{_share(limit, truth)}"
    status: Status = "in_force" if limit < truth else "vacuous"
    curves = () if _is_equality(instance, eps) else (curve,)
    return Guarantee(statement, _KERNEL, status, reason, ratio(0.5, h), quantities, curves=curves)


def by_split(instance: Instance) -> Guarantee:
    """`recover.split`: for any matrix R, ‖x(t) − x̄‖ ≤ ‖R‖(‖y(t) − y‖ + ‖ε‖) + ‖(I − RA)(x(t) − x̄)‖.

    The last term is taken from the run and the truth, so this is a comparison, not a guarantee; the first one is promised
    as soon as a stopping time is (`seen_at_stop`).
    """
    statement = "recover.split"
    problem, constants = instance.problem, instance.constants
    if problem.truth is None or "eps" not in constants:
        return not_evaluable(statement, _SPLIT, "needs the true signal and the noise level")
    R_norm, eps = instance.right_inverse_norm, instance.data_error
    assert eps is not None

    def bound(t: np.ndarray, observed: Observables) -> tuple[np.ndarray, np.ndarray]:
        residual, unseen = observed["residual"], observed["unseen_error"]
        i, j = np.searchsorted(residual.t, t), np.searchsorted(unseen.t, t)
        value = instance.curve(statement, "bound", {
            "residual": residual.value[i], "unseen": unseen.value[j], "R_norm": R_norm, "eps": eps})  # fmt: skip
        return value, R_norm * residual.budget[i] + unseen.budget[j]

    curve = Curve(statement, "signal_error", "upper", "‖x(t) − x̄‖ ≤ ‖R‖(ρ + ‖ε‖) + unseen", bound)
    truth = norm_upper(problem.truth)
    unseen = norm_upper(instance.unseen(problem.truth))

    def seen_below(residual: float) -> float:
        return instance.upper(statement, "bound", R_norm=R_norm, residual=residual, unseen=0.0, eps=eps)

    quantities = {"R_norm": R_norm, "seen": seen_below(eps), "unseen_truth": unseen}
    level = "‖ε‖"
    if constants["eps"].as_upper() > 0:
        # the residual is below τ‖ε‖ from every guaranteed stopping time on, so that this part is promised
        quantities["seen_at_stop"] = seen_below(up(constants["tau"].value * constants["eps"].as_upper()))
        level = "τ‖ε‖"
    seen = quantities.get("seen_at_stop", quantities["seen"])
    reason = (f"what the data see: at most {seen:.4g}{_share(seen, truth)} once the residual is below {level}; what they "
              f"do not see is measured along the run (of x̄: {unseen:.4g}{_share(unseen, truth)})")  # fmt: skip
    if _is_equality(instance, eps):
        reason = "an equality here (isometry, no noise): nothing to compare"
        return Guarantee(statement, _SPLIT, "measured", reason, None, quantities)
    return Guarantee(statement, _SPLIT, "measured", reason, None, quantities, curves=(curve,))


def _is_equality(instance: Instance, eps: float) -> bool:
    """An isometry without noise: ‖x − x̄‖ = ‖R‖‖y(t) − y‖, and comparing a number with itself decides nothing."""
    constants = instance.constants
    no_noise = eps <= 1e-9 * constants["y_norm"].value
    return no_noise and instance.is_injective and constants["kappa"].value < 1 + 1e-9


def _share(part: float, truth: float) -> str:
    """` (… of ‖x̄‖)`, nothing for a zero truth."""
    return f" ({part / truth:.1%} of ‖x̄‖)" if truth > 0 else ""
