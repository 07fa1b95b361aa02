"""Statements against numbers that were obtained another way: simulation, quadrature, random instances, Monte Carlo."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad, solve_ivp
from scipy.special import erfc

from theory.kl import derive
from theory.ledger import registry
from theory.symbols import SYMBOLS, sym


def value(key: str, name: str, loss: object = None, **given: float) -> float:
    """The formula at numbers, by substitution alone (an independent route from the compiled functions)."""
    expr = sp.sympify(registry[key].formulas[name])
    expr = expr if loss is None else loss.apply(expr)
    missing = {s.name for s in expr.free_symbols} - set(given)
    assert not missing, f"{key}.{name} needs {missing}"
    return float(expr.subs({sym(n): sp.Float(v, 40) for n, v in given.items()}, simultaneous=True).evalf(25))


LSQ = derive(sp.sqrt(2 * sym("s") / sym("w_min")))
BASE = {
    "sigma_F": 1.3, "sigma_0": 1.1, "Lambda": 0.2, "Lip": 0.25, "rho_0": 2.0, "rho": 0.7, "eps": 0.05, "t": 1.7, "w_min": 0.8,
    "loss_0": 1.6, "L_F": 1.5, "A_norm": 1.5, "mu": 0.4, "dist": 0.3, "residual": 0.7, "E_0": 0.01, "G_L": 0.3, "tau": 2.0,
    "L": 2.0, "J_norm": 3.0, "Phi_0": 2.0, "T_hat": 40.0, "t_1": 0.2, "E_bar": 0.03, "dist0": 0.5, "PKQ": 0.1, "ell_star": 1.2,
    "ker_0": 0.4, "drift": 0.2, "k": 50.0, "n": 6.0, "B1": 1.0, "B2": 0.7, "c_V": 2.0, "r": 0.6, "D_V": 1.2, "f_0": 0.6,
    "s_star": 0.4, "D_0": 3.0, "loss_star": 0.1, "dphi_min": 0.3, "sigma_B": 0.5, "eta": 0.5, "residual_h": 0.2, "R_norm": 2.0,
    "unseen": 0.3, "sigma_factor": 0.5, "gap": 0.7, "delta": 0.1, "rank": 4.0, "C_phi": 0.6, "C_dphi": 0.7, "T_log": 3.0,
    "AF_norm": 2.5, "AAt_F": 2.0, "Aty_norm": 1.0, "y_norm": 1.5, "x0_norm": 2.0, "F0_norm": 0.5, "T_1": 40.0,
}  # fmt: skip

# name -> side of the truth; symbols in the third place are exempt, because the statement says that they go the other way
SIDES = [
    ("baseline.condition", "R_prime", "upper", ""),
    ("baseline.condition", "R", "lower", ""),
    ("baseline.loss_rate", "bound", "upper", ""),
    ("baseline.param_rate", "bound", "upper", ""),
    ("baseline.mse_rate", "bound", "upper", ""),
    ("baseline.recovery", "bound", "upper", ""),
    ("baseline.recovery", "bound_of_residual", "upper", ""),
    ("recover.linear", "bound", "upper", ""),
    ("sharp.condition", "h", "upper", ""),
    ("sharp.length", "bound", "upper", "rho"),
    ("sharp.length", "ell_star", "upper", ""),
    ("sharp.sigma", "bound", "lower", "rho"),
    ("sharp.sigma", "floor", "lower", ""),
    ("sharp.rate", "a", "lower", ""),
    ("sharp.rate", "bound", "upper", ""),
    ("sharp.logistic", "bound", "upper", ""),
    ("sharp.stop", "t_star", "upper", ""),
    ("sharp.tail", "bound", "upper", ""),
    ("illposed.discrepancy", "T_hat", "upper", ""),
    ("illposed.discrepancy", "E_bar", "upper", ""),
    ("illposed.discrepancy", "length", "upper", ""),
    ("illposed.discrepancy", "stability", "upper", ""),
    ("illposed.discrepancy", "E_0", "upper", ""),
    ("illposed.discrepancy", "G_upper", "upper", ""),
    ("illposed.rate", "bound", "upper", ""),
    ("dip2.gram", "sigma_both", "lower", ""),
    ("dip2.modulus", "Lambda_both", "upper", ""),
    ("dip2.modulus", "Lambda_W", "upper", ""),
    ("dip2.lipschitz", "Lip_both", "upper", ""),
    ("dip2.lipschitz", "R_both", "lower", ""),
    ("dip2.lipschitz", "R_W", "lower", ""),
    ("dip2.output0", "bound", "upper", ""),
    ("dip2.output_sub_gaussian", "rho_0_squared", "upper", ""),
    ("dip2.width_baseline", "k_min", "upper", ""),
    ("dip2.width_sharp", "k_min", "upper", ""),
    ("dip2.amgm", "capacity", "lower", ""),
    ("dip2.amgm", "ell_a_star", "upper", ""),
    ("dip2.amgm", "s_star", "lower", ""),
    ("dip2.amgm", "rate", "lower", ""),
    ("dip2.amgm", "length", "upper", ""),
    ("dip2.amgm", "bound", "upper", ""),
    ("dip2.balanced", "s_star_squared_term", "lower", ""),
    ("wonly.rate", "bound", "upper", ""),
    ("wonly.linear_rate", "bound", "upper", ""),
    ("wonly.stop", "T", "upper", ""),
    ("baseline.loss_rate", "rate", "lower", ""),
    ("sharp.rate", "rate", "lower", ""),
    ("dip2.amgm", "rate_rho", "lower", ""),
    ("recover.kernel", "drift_coarse", "upper", ""),
    ("step.jacobian_ball", "rhs", "lower", ""),
    ("dip2.output_scale", "scale_sharp", "upper", ""),
    ("wonly.stop", "T_level", "upper", ""),
    ("recover.kernel", "drift", "upper", ""),
    ("recover.kernel", "bound", "upper", ""),
    ("recover.reach", "radius", "lower", "r"),
    ("recover.split", "bound", "upper", ""),
]


@pytest.mark.parametrize(("key", "name", "side", "exempt"), SIDES)
def test_constants_on_their_declared_side_keep_the_bound_true(key, name, side, exempt):
    """Moving a constant to its safe side never makes a bound better: ∂bound/∂constant has the declared sign."""
    expr = LSQ.apply(sp.sympify(registry[key].formulas[name]))
    names = [s.name for s in expr.free_symbols]
    at = {sym(other): sp.Rational(str(BASE[other])) for other in names}
    tried = 0
    for other in names:
        direction = SYMBOLS[other].direction
        if direction == "exact" or other in exempt.split():
            continue
        slope = float(sp.diff(expr, sym(other)).subs(at).evalf(20))
        sign = 1 if (direction == "upper") == (side == "upper") else -1
        assert sign * slope >= 0, f"{key}.{name}: a stand-in for {other} that errs to the {direction} side is unsafe"
        tried += 1
    assert tried


# --- the flow ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("h", [0.05, 0.3, 0.45, 0.499])
def test_extremal_family_attains_logistic_length_and_tail(h):
    """n = m = 1: r' = (ρ0 − g)g', integrated numerically; ratio one to nine digits at all times."""
    s0, Lam = 1.3, 0.7
    rho_0 = h * s0**2 / Lam
    run = solve_ivp(
        lambda _, r: (rho_0 - s0 * r + Lam * r**2 / 2) * (s0 - Lam * r), (0, 12), [0.0], method="DOP853", rtol=1e-13, atol=1e-15,
        t_eval=np.linspace(0.5, 12, 12),
    )  # fmt: skip
    given = {"sigma_F": 1.0, "sigma_0": s0, "Lambda": Lam, "rho_0": rho_0, "w_min": 1.0}
    for t, r in zip(run.t, run.y[0], strict=True):
        rho = rho_0 - s0 * r + Lam * r**2 / 2
        if rho < 1e-4 * rho_0:
            continue
        assert value("sharp.logistic", "bound", **given, t=t) == pytest.approx(rho, rel=1e-8)
        given_rho = {k: v for k, v in given.items() if k != "w_min"} | {"rho": rho}
        assert value("sharp.length", "bound", **given_rho) == pytest.approx(r, rel=1e-9)
        limit = value("sharp.length", "ell_star", **{k: v for k, v in given_rho.items() if k != "rho"})
        assert value("sharp.tail", "bound", **given_rho) == pytest.approx(limit - r, rel=1e-6)


def test_extremal_family_stops_short_above_one_half():
    s0, Lam, rho_0 = 1.0, 1.0, 0.55
    run = solve_ivp(lambda _, r: (rho_0 - r + r**2 / 2) * (1 - r), (0, 400), [0.0], rtol=1e-12, atol=1e-14)
    limit = value("sharp.optimal", "residual_limit", sigma_0=s0, Lambda=Lam, rho_0=rho_0)
    assert limit == pytest.approx(0.05)
    r = run.y[0, -1]
    assert rho_0 - r + r**2 / 2 == pytest.approx(limit, rel=1e-6)


@pytest.mark.parametrize(("rho_0", "limit"), [(0.3, 0.0), (0.5, 0.0), (0.55, 0.05)])
def test_the_residual_limit_has_a_value_on_both_sides_of_one_half(rho_0, limit):
    """It is about h > 1/2, where the condition of the statement fails: it must not be withheld there."""
    found = registry["sharp.optimal"].evaluate(sigma_0=1.0, Lambda=1.0, rho_0=rho_0, formulas=["residual_limit"])
    assert found["residual_limit"] == pytest.approx(limit, abs=1e-15)


def test_misread_stopping_time_is_refuted():
    """g = id, σ² = 0.1, ρ0 = 100, ε = 1: the bracket moved gives 18.1, where the error still is above 2ε."""
    sigma2, rho_0, eps = 0.1, 100.0, 1.0
    psi_to_Psi = lambda v: -0.5 * math.log(v**2 / 2)  # noqa: E731
    moved = 4 * psi_to_Psi(eps) / sigma2 - psi_to_Psi(rho_0)
    right = value("baseline.mse_stop", "t_stop", sigma_F=math.sqrt(sigma2), sigma_0=1.0, rho_0=rho_0, eps=eps)
    residual = lambda t: rho_0 * math.exp(-sigma2 * t)  # noqa: E731
    assert moved == pytest.approx(18.1, abs=0.3)
    assert residual(moved) - eps > 2 * eps  # noise against the residual
    assert right == pytest.approx(184.2, abs=0.1)
    assert residual(right) + eps <= 2 * eps


def test_general_time_bound_is_the_logistic_time():
    """Quadrature of sharp.general against the closed form of sharp.stop, weighted least squares."""
    given = {k: BASE[k] for k in ("sigma_F", "sigma_0", "Lambda", "rho_0", "w_min")}
    given["rho_0"] = 1.8
    integrand = sp.lambdify(sym("z"), LSQ.apply(registry["sharp.general"].formulas["integrand"]).subs(
        {sym(k): v for k, v in given.items()}))  # fmt: skip
    time, _ = quad(integrand, 0.05, given["rho_0"], epsabs=1e-12, epsrel=1e-12)
    assert value("sharp.stop", "t_star", **given, eps=0.05) == pytest.approx(time, rel=1e-9)


def test_drift_closed_form_against_quadrature():
    s0, Lam, J, PKQ, ell = 1.1, 0.4, 2.3, 0.15, 1.9
    omega = lambda r: Lam * r * (2 * J + Lam * r)  # noqa: E731
    integral, _ = quad(lambda r: (PKQ + omega(r)) / (s0 - Lam * r), 0, ell, epsabs=1e-13)
    given = {"sigma_0": s0, "Lambda": Lam, "J_norm": J, "PKQ": PKQ, "ell_star": ell}
    assert value("recover.kernel", "drift", **given) == pytest.approx(integral, rel=1e-10)
    assert value("recover.kernel", "drift_coarse", **given) > integral


# --- the network -------------------------------------------------------------------------------------------------------


def _jacobian(V: np.ndarray, a: np.ndarray, both: bool) -> np.ndarray:
    """J of V tanh(a)/√k by (V, a), or by a."""
    n, k = V.shape
    of_a = V / np.cosh(a) ** 2 / math.sqrt(k)
    return np.hstack([np.kron(np.eye(n), np.tanh(a)[None, :]) / math.sqrt(k), of_a]) if both else of_a


TANH = {"B1": 1.0, "B2": 4 / (3 * math.sqrt(3))}


@pytest.mark.parametrize("both", [True, False])
def test_modulus_and_lipschitz_constant_hold_and_are_not_far_off(both):
    rng = np.random.default_rng(5)
    n, k, best, mode = 3, 6, 0.0, "both" if both else "W"
    for _ in range(1500):
        V, a = rng.standard_normal((n, k)) * rng.choice([0.1, 1, 5]), rng.standard_normal(k)
        c = float(np.linalg.norm(V, axis=0).max())
        steps = []
        for _ in range(2):
            dV, da = (
                rng.standard_normal((n, k)) * both * rng.choice([0, 1]),
                rng.standard_normal(k) * rng.choice([0.01, 1]),
            )
            if rng.random() < 0.5:  # one neuron, where the bound is tight
                da *= np.arange(k) == np.linalg.norm(V, axis=0).argmax()
            scale = rng.choice([1e-3, 0.1, 1.0])
            steps.append(
                (V + scale * dV, a + scale * da, math.hypot(np.linalg.norm(scale * dV), np.linalg.norm(scale * da)))
            )
        (V1, a1, r1), (V2, a2, r2) = steps
        B1, B2 = TANH["B1"], TANH["B2"]
        slope = (B2 * c + math.sqrt(B2**2 * c**2 + 4 * B1**2)) / 2 / math.sqrt(k) if both else B2 * c / math.sqrt(k)
        change = np.linalg.norm(_jacobian(V1, a1, both) - _jacobian(V, a, both), 2)
        assert change <= slope * r1 * (1 + 1e-9) + 1e-13
        best = max(best, change / (slope * r1)) if r1 > 1e-6 else best
        C = c + max(r1, r2)
        lip = (B2 * C + math.sqrt(B2**2 * C**2 + 4 * B1**2)) / 2 / math.sqrt(k) if both else slope
        gap = math.hypot(np.linalg.norm(V1 - V2), np.linalg.norm(a1 - a2))
        assert np.linalg.norm(_jacobian(V1, a1, both) - _jacobian(V2, a2, both), 2) <= lip * gap * (1 + 1e-9) + 1e-13
    assert best > 0.7
    given = {"B2": B2, "c_V": c, "k": k} | ({"B1": B1} if both else {})
    assert value("dip2.modulus", f"Lambda_{mode}", **given) == pytest.approx(slope, rel=1e-12)


def test_baseline_radius_solves_its_equation_and_coarse_is_coarser():
    rng = np.random.default_rng(1)
    for _ in range(30):
        given = {
            "B1": rng.uniform(0.2, 2),
            "B2": rng.uniform(0.1, 2),
            "c_V": rng.uniform(0.1, 9),
            "k": float(rng.integers(1, 900)),
        }
        s0 = rng.uniform(0.01, 2)
        R = value("dip2.lipschitz", "R_both", **given, sigma_0=s0)
        fine = value("dip2.lipschitz", "Lip_both", **given, r=R)
        assert R * fine == pytest.approx(s0 / 2, rel=1e-12)
        n = 4.0
        coarse = {k: given[k] for k in ("B1", "B2", "k")} | {"n": n, "D_V": given["c_V"] / math.sqrt(n), "r": R}
        assert value("dip2.lipschitz", "Lip_coarse", **coarse) >= fine


def test_widths_of_balanced():
    """Against the numbers computed with another normal tail."""
    for n, expected in ((10, 37), (60, 379)):
        assert math.ceil(value("dip2.balanced", "width_general", n=n, D_V=1, delta=0.1)) == expected
    for rank, expected in ((5, 18), (10, 37)):
        p = erfc(math.asinh(math.sqrt(rank)) / math.sqrt(2))
        width = value("dip2.balanced", "width_linear", rank=rank, delta=0.1)
        assert math.ceil(width) == expected
        assert (1 - p) ** width == pytest.approx(0.1)


def test_jensen_in_balanced():
    """P(|ζ| > arcsinh‖Uᵀv‖) averaged over random V is at least the value at the mean square."""
    rng = np.random.default_rng(7)
    for rank, n in ((1, 4), (3, 8), (8, 8)):
        U = np.linalg.qr(rng.standard_normal((n, rank)))[0]
        squares = ((rng.choice([-1.0, 1.0], (20000, n)) @ U) ** 2).sum(axis=1)
        mean = erfc(np.arcsinh(np.sqrt(squares)) / math.sqrt(2)).mean()
        assert mean >= value("dip2.balanced", "probability_linear", rank=rank) * (1 - 1e-12) - 2e-3


def test_random_initialization_events():
    """Frequencies of failure of sigma0, output0, output_sub_gaussian stay below what is claimed (they are conservative)."""
    rng = np.random.default_rng(11)
    n, m, k, delta, trials = 3, 2, 400, 0.2, 300
    x = np.linspace(-12, 12, 200001)
    weight = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi) * (x[1] - x[0])
    C_phi, C_dphi = math.sqrt((np.tanh(x) ** 2 * weight).sum()), math.sqrt((np.cosh(x) ** -4.0 * weight).sum())
    common = {"C_phi": C_phi, "B1": 1.0, "k": k}
    sigma2 = value("dip2.sigma0", "sigma_0_squared_both", **common, C_dphi=C_dphi, n=n, D_V=1, delta=delta)
    size = value("dip2.output0", "bound", **common, n=n, D_V=1, delta=delta)
    A, y = rng.standard_normal((m, n)), rng.standard_normal(m)
    rho2 = value("dip2.output_sub_gaussian", "rho_0_squared", **common, T_log=math.log(4 / delta), y_norm=np.linalg.norm(y),
                 AF_norm=np.linalg.norm(A), AAt_F=np.linalg.norm(A @ A.T), A_norm=np.linalg.norm(A, 2),
                 Aty_norm=np.linalg.norm(A.T @ y))  # fmt: skip
    assert 0.3 < sigma2 < C_phi**2 + C_dphi**2  # the claim says something
    failures = np.zeros(3)
    for _ in range(trials):
        V, a = rng.choice([-1.0, 1.0], (n, k)), rng.standard_normal(k)
        out = V @ np.tanh(a) / math.sqrt(k)
        smallest = np.linalg.svd(_jacobian(V, a, True), compute_uv=False)[-1] ** 2
        failures += [smallest < sigma2, np.linalg.norm(out) > size, np.sum((A @ out - y) ** 2) > rho2]
    assert (failures / trials <= [delta / 2, delta / 2, 3 * delta / 4]).all()


# --- recovery and first layer only -------------------------------------------------------------------------------------


def test_recover_linear_is_attained_and_never_violated():
    """|z| ≤ (|Az| + |A||v|)/μ with μ = |Aw|/|w|, w = z − v: the largest ratio of random and of optimized draws."""
    rng = np.random.default_rng(3)
    worst = 0.0
    for _ in range(20000):
        A = np.diag([1.0, rng.uniform(0, 1)])
        z, v = rng.standard_normal(2), rng.standard_normal(2) * rng.choice([0.01, 0.3, 3])
        w = z - v
        mu = np.linalg.norm(A @ w) / np.linalg.norm(w)
        bound = value_free_linear(np.linalg.norm(A @ z), np.linalg.norm(v), mu)
        worst = max(worst, np.linalg.norm(z) / bound)
    assert 0.99 < worst <= 1 + 1e-12


def value_free_linear(observed: float, dist: float, mu: float) -> float:
    """recover.linear with |A| = 1 and all of |Az| in `observed`; checked once against the formula below."""
    return (observed + dist) / mu


def test_value_free_linear_is_the_formula():
    given = {"residual": 0.3, "eps": 0.1, "A_norm": 1.0, "dist": 0.7, "mu": 0.4}
    assert value("recover.linear", "bound_of_residual", **given) == pytest.approx(value_free_linear(0.4, 0.7, 0.4))


def _wonly_run(B, y, a0, t_eval):
    return solve_ivp(lambda _, a: -(B.T @ (B @ np.tanh(a) - y)) / np.cosh(a) ** 2, (0, t_eval[-1]), a0, t_eval=t_eval,
                     rtol=1e-10, atol=1e-12)  # fmt: skip


def _bregman(a_star, a):
    """Σ∫_a^{a*} (tanh a* − tanh s) cosh² s ds in closed form."""
    H = lambda s: s / 2 + np.sinh(2 * s) / 4  # noqa: E731
    return float(np.sum(np.tanh(a_star) * (H(a_star) - H(a)) - (np.sinh(a_star) ** 2 - np.sinh(a) ** 2) / 2))


def test_wonly_rate_for_every_point_of_the_box_and_the_stopping_time():
    """y is reachable neither exactly nor from a signal of the network; any h of the box serves."""
    rng = np.random.default_rng(2)
    tested = 0
    for _ in range(6):
        m, k = 3, 7
        B, a0 = rng.standard_normal((m, k)) / math.sqrt(k), rng.standard_normal(k)
        a_bar = rng.standard_normal(k)
        noise = rng.standard_normal(m) * 0.02
        y = B @ np.tanh(a_bar) + noise
        t = np.geomspace(1e-2, 2e3, 40)
        run = _wonly_run(B, y, a0, t)
        residual = np.array([np.linalg.norm(B @ np.tanh(a) - y) for a in run.y.T])
        for _ in range(20):
            a_star = a_bar + rng.standard_normal(k) * rng.choice([0, 0.1, 1])
            D_0, own = _bregman(a_star, a0), np.linalg.norm(B @ np.tanh(a_star) - y)
            assert D_0 >= 0
            bound = [value("wonly.rate", "bound", loss_star=own**2 / 2, D_0=D_0, t=ti) for ti in t[::8]]
            assert (residual[::8] ** 2 / 2 <= np.array(bound) * (1 + 1e-7) + 1e-12).all()
            level = 1.5 * own
            stop = value("wonly.stop", "T_level", D_0=D_0, eta=level, residual_h=own)
            assert (residual[t >= stop] <= level * (1 + 1e-7)).all()
            tested += bool((t >= stop).any())
        eps = np.linalg.norm(noise)
        T = value("wonly.stop", "T", D_0=_bregman(a_bar, a0), tau=2.0, eps=eps)
        assert (residual[t >= T] <= 2 * eps * (1 + 1e-7)).all()
    assert tested >= 20


def test_wonly_rate_without_the_bregman_distance_is_false():
    rng = np.random.default_rng(4)
    B, a0 = rng.standard_normal((2, 5)), rng.standard_normal(5)
    y = B @ np.tanh(rng.standard_normal(5))
    run = _wonly_run(B, y, a0, np.array([0.01]))
    assert np.sum((B @ np.tanh(run.y[:, -1]) - y) ** 2) / 2 > 1e-6  # the loss of h* is 0


def test_kernel_energy_inequality_along_a_run():
    """illposed.energy by finite differences on g(θ) = (θ1, θ2(1 − 0.3θ1)): Lip = 0.3√2 ≥ the true constant."""
    A, noise, x_bar = np.diag([1.0, 0.3]), np.array([-0.05, 0.02]), np.array([0.4, 0.5])
    y = A @ x_bar + noise
    g = lambda th: np.array([th[0], th[1] * (1 - 0.3 * th[0])])  # noqa: E731
    J = lambda th: np.array([[1.0, 0.0], [-0.3 * th[1], 1 - 0.3 * th[0]]])  # noqa: E731
    th0 = np.array([-0.2, -0.1])
    run = solve_ivp(
        lambda _, th: -J(th).T @ A.T @ (A @ g(th) - y), (0, 30), th0, rtol=1e-12, atol=1e-14, dense_output=True
    )
    energy = lambda th: 0.5 * (g(th) - x_bar) @ np.linalg.solve(J(th) @ J(th).T, g(th) - x_bar)  # noqa: E731
    lip = 0.3  # |J(θ) − J(θ')| = 0.3 |(Δθ2, Δθ1)| exactly
    times, step, tight = np.linspace(0.01, 29, 200), 1e-4, 0.0
    for t in times:
        th = run.sol(t)
        rate = (energy(run.sol(t + step)) - energy(run.sol(t - step))) / (2 * step)
        r = A @ g(th) - y
        speed = np.linalg.norm(J(th).T @ A.T @ r)
        sigma = np.linalg.svd(J(th), compute_uv=False)[-1]  # s(ℓ) is a lower bound of it
        given = {"residual": np.linalg.norm(r), "eps": np.linalg.norm(noise), "Lip": lip, "sigma_0": sigma, "Omega": 0.0,
                 "ell_dot": speed, "E": energy(th)}  # fmt: skip
        bound = value("illposed.energy", "bound", **given)
        assert rate <= bound + 1e-7
        tight = max(tight, rate / bound if bound < -1e-6 else 0.0)
    assert tight > 0
