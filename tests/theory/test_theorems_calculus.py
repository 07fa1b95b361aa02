"""The calculus of the proofs: every obligation is proved by SymPy, and broken variants are not."""

from __future__ import annotations

import pytest
import sympy as sp

from theory.kl import derive
from theory.ledger import registry
from theory.statement import Obligation
from theory.symbols import dpsi, psi_inv, sym

OBLIGATIONS = [(key, i) for key, item in registry.items() for i in range(len(item.obligations))]

# Statements whose proof is calculus: losing their obligations by accident has to fail.
_CALCULUS = """
baseline.condition baseline.loss_rate baseline.early_stop baseline.mse_rate baseline.mse_stop baseline.recovery
sharp.condition sharp.length sharp.sigma sharp.rate sharp.logistic sharp.stop sharp.tail sharp.general sharp.optimal
sharp.implies_baseline sharp.restart sharp.composed illposed.semiconvergence illposed.discrepancy illposed.rate
dip2.gram dip2.reduction dip2.modulus dip2.lipschitz dip2.sigma0 dip2.output0 dip2.output_sub_gaussian
dip2.width_baseline dip2.width_sharp dip2.two_sided dip2.amgm dip2.conservation dip2.balanced dip2.output_scale
wonly.mirror wonly.rate wonly.linear_rate wonly.stop wonly.descent recover.linear recover.kernel recover.reach
kl.alpha_half illposed.energy step.length_rate step.dissipation step.growth step.confinement
dip2.saturated_modulus step.majorant step.amgm gd.descent gd.condition gd.length gd.rate deep.gram
deep.modulus
kl.least_squares kl.log_cosh kl.lojasiewicz kl.lp kl.p_power kl.pseudo_huber kl.weighted_least_squares
"""
CALCULUS = _CALCULUS.split()


def test_the_calculus_is_there():
    assert not [key for key in CALCULUS if not registry[key].obligations]


@pytest.mark.parametrize(("key", "i"), OBLIGATIONS)
def test_obligations_are_proved(key, i):
    obligation = registry[key].obligations[i]
    assert obligation.check(), f"{key}: not proved: {obligation.text}"


@pytest.mark.parametrize(("key", "i"), OBLIGATIONS)
def test_an_obligation_that_is_off_is_refused(key, i):
    """The checker has teeth: the same claim with a symbol or a constant too many is not proved."""
    obligation = registry[key].obligations[i]
    expression = obligation.expression()
    for extra in (sp.Integer(1), sym("x"), sym("sigma_F") * sym("rho_0") / 1000):
        assert not Obligation("broken", expression + extra).check()


def test_a_negative_witness_is_refused():
    r, s = sym("r"), sym("s")
    assert not Obligation.inequality("false", r**2 + s**2, 2 * r * s, -((r - s) ** 2)).check()
    assert not Obligation.inequality("unproved", r, s, s - r).check()


# --- broken variants of the statements, each refuted where the true one is proved ---------------------------------------

sF, s0, Lam, rho_0, rho, t = (sym(name) for name in ("sigma_F", "sigma_0", "Lambda", "rho_0", "rho", "t"))
eps, r, k, ell_star, c, z = (sym(name) for name in ("eps", "r", "k", "ell_star", "c", "z"))
logistic = registry["sharp.logistic"].formulas
w_min = sym("w_min")


def _ode(bound, rate=None):
    """Residual of ρ' = −w σ_F² (σ0² − 2Λ(ρ0 − ρ)/σ_F) ρ."""
    return sp.diff(bound, t) + w_min * sF**2 * (s0**2 - 2 * Lam * (rho_0 - bound) / sF) * bound


def _logistic(a, b):
    q = sp.exp(-a * w_min * t)
    return a * rho_0 * q / (a + b * rho_0 * (1 - q))


@pytest.mark.parametrize(
    ("name", "bound", "true"),
    [
        ("as stated", _logistic(sF**2 * s0**2 - 2 * sF * Lam * rho_0, 2 * sF * Lam), True),
        ("1 - h for 1 - 2h", _logistic(sF**2 * s0**2 - sF * Lam * rho_0, 2 * sF * Lam), False),
        ("b = 3 sigma_F Lambda", _logistic(sF**2 * s0**2 - 2 * sF * Lam * rho_0, 3 * sF * Lam), False),
        ("a square lost", _logistic(sF * s0 - 2 * sF * Lam * rho_0, 2 * sF * Lam), False),
    ],
)
def test_logistic(name, bound, true):
    assert Obligation(name, _ode(bound)).check() is true
    assert Obligation(name, bound - logistic["bound"]).check() is true


def test_the_weight_enters_the_time_once():
    assert not Obligation("w_min^2", _ode(logistic["bound"].subs(w_min, w_min**2))).check()
    assert not Obligation("no w_min", _ode(logistic["bound"].subs(w_min, 1))).check()


def test_stop_with_the_bracket_moved_is_refuted():
    """4Ψ(ψ^{-1}(ε))/(σ_F²σ0²) − Ψ(L0), read without the bracket, is not the time at which the bound equals ε."""
    lsq = derive(sp.sqrt(2 * sym("s")))
    sigma2 = sF**2 * s0**2
    gamma = registry["baseline.loss_rate"].formulas["gamma"]
    right = 4 * (lsq.Psi(lsq.psi_inv(eps)) - lsq.Psi(sym("loss_0"))) / sigma2
    moved = 4 * lsq.Psi(lsq.psi_inv(eps)) / sigma2 - lsq.Psi(sym("loss_0"))
    level = lambda time: lsq.psi(lsq.Psi_inv(lsq.apply(gamma).subs(t, time))) - eps  # noqa: E731
    assert Obligation("bracket", level(right)).check()
    assert not Obligation("moved", level(moved)).check()
    assert sp.simplify(lsq.apply(registry["baseline.early_stop"].formulas["t_stop"]) - sp.Max(0, right)) == 0


@pytest.mark.parametrize(("factor", "true"), [(4, True), (1, False), (2, False), (8, False)])
def test_mse_stop_factor(factor, true):
    bound = registry["baseline.mse_rate"].formulas["bound"]
    time = factor * sp.log(rho_0 / eps) / (sF**2 * s0**2)
    assert Obligation("stop", bound.subs(t, time) - eps).check() is true


@pytest.mark.parametrize(("factor", "true"), [(2, True), (1, False), (4, False)])
def test_length_factor(factor, true):
    root = sp.sqrt(s0**2 - 2 * Lam * rho_0 / sF)
    claim = factor * rho_0 / (sF * (s0 + root))
    where = {rho_0: sF * (s0**2 - c**2) / (2 * Lam)}
    assert Obligation("ell_star", claim - registry["sharp.length"].formulas["ell_star"], where=where).check() is true
    assert Obligation("S(ell)", s0 * claim - Lam * claim**2 / 2 - rho_0 / sF, where=where).check() is true


def test_tail_with_the_wrong_end_is_refuted():
    formulas, length = registry["sharp.tail"].formulas, registry["sharp.length"].formulas
    where = {rho_0: sF * (s0**2 - c**2) / (2 * Lam), rho: sF * (z**2 - c**2) / (2 * Lam)}
    assert Obligation("tail", formulas["bound"] - (length["ell_star"] - length["bound"]), where=where).check()
    assert not Obligation("coarse", formulas["coarse"] - (length["ell_star"] - length["bound"]), where=where).check()


@pytest.mark.parametrize(("power", "true"), [(2, True), (1, False)])
def test_discrepancy_time(power, true):
    """τ^power (1 − 1/τ) ε² T̂ = E0 e^G for power 2 only."""
    f, tau = registry["illposed.discrepancy"].formulas, sym("tau")
    claim = tau**power * (1 - 1 / tau) * eps**2 * f["T_hat"] - sym("E_0") * sp.exp(sym("G_L"))
    assert Obligation("T_hat", claim).check() is true


@pytest.mark.parametrize(
    ("name", "numerator", "true"),
    [
        ("as stated", sym("PKQ") + Lam * r * (2 * sym("J_norm") + Lam * r), True),
        ("without omega", sym("PKQ"), False),
        ("without PK0Q", Lam * r * (2 * sym("J_norm") + Lam * r), False),
        ("without the square", sym("PKQ") + 2 * Lam * r * sym("J_norm"), False),
    ],
)
def test_drift(name, numerator, true):
    drift = registry["recover.kernel"].formulas["drift"]
    claim = sp.diff(drift, ell_star) - (numerator / (s0 - Lam * r)).subs(r, ell_star)
    assert Obligation(name, claim).check() is true


@pytest.mark.parametrize(("constant", "true"), [(sp.Integer(2), True), (sp.Rational(202, 100), False)])
def test_amgm_constant(constant, true):
    f, f_0, B1 = registry["dip2.amgm"].formulas, sym("f_0"), sym("B1")
    F = f_0 - B1 * r / sp.sqrt(k)
    capacity = constant * sF * sp.integrate(F, (r, 0, sp.sqrt(k) * f_0 / B1))
    assert Obligation("capacity", capacity - f["capacity"]).check() is true


@pytest.mark.parametrize(("four", "true"), [(4, True), (2, False), (0, False)])
def test_modulus_constant(four, true):
    B1, X = sym("B1"), sym("B2") * sym("c_V")
    square = ((X + sp.sqrt(X**2 + four * B1**2)) / 2) ** 2
    trace, det = 2 * B1**2 + X**2, B1**4
    assert Obligation("eigenvalue", square**2 - trace * square + det).check() is true


@pytest.mark.parametrize(("loss", "true"), [("sqrt", True), ("linear", False)])
def test_inverse_slope_is_that_of_the_loss(loss, true):
    psi = sp.sqrt(2 * sym("s") / w_min) if loss == "sqrt" else sym("s") / w_min
    claim = derive(psi).apply(dpsi(psi_inv(rho))) - 1 / (w_min * rho)
    assert Obligation("1/(w rho)", claim).check() is true


def test_conservation_of_the_wrong_activation_is_refuted():
    x, G = sym("x"), registry["dip2.conservation"].formulas
    for name, phi in {"tanh": sp.tanh(x), "identity": x, "sigmoid": 1 / (1 + sp.exp(-x))}.items():
        claim = (sp.diff(G[f"G_{name}"], x) * sp.diff(phi, x) - phi).rewrite(sp.exp)
        assert Obligation(name, claim).check()
    assert not Obligation("swapped", (sp.diff(G["G_tanh"], x) - x).rewrite(sp.exp)).check()


def test_primitives_agree_with_the_activations():
    """G of the statement and G of the activation are written independently; their derivatives agree."""
    from theory.activations import ACTIVATIONS

    x = sym("x")
    for name in ("tanh", "sigmoid", "softplus", "identity", "erf", "sin"):
        entry = ACTIVATIONS[name]
        stated = registry["dip2.conservation"].formulas[f"G_{name}"]
        for point in (sp.Rational(-6, 5), sp.Rational(1, 3), sp.Rational(7, 5)):
            slope = sp.N(sp.diff(stated, x).subs(x, point), 30)
            phi, dphi = (sp.N(e.subs(x, point), 30) for e in (entry.phi, sp.diff(entry.phi, x)))
            assert abs(slope - phi / dphi) < 1e-25, name
            if entry.G is not None:
                assert abs(sp.N(sp.diff(entry.G, x).subs(x, point), 30) - phi / dphi) < 1e-20, name
