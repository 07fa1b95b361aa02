"""Bounds made wrong on purpose come out violated, on runs on which the right bound holds (or is attained)."""

from dataclasses import replace

import numpy as np
import pytest

from numerics.bound import lower, upper
from numerics.extremal import ExtremalFamily
from numerics.networks.two_layer import TwoLayer
from verify import guarantees
from verify.constants import Constants
from verify.guarantees import baseline, sharp
from verify.guarantees.base import stopping_curves
from verify.instance import Instance
from verify.observables import Observables, Series, observe
from verify.problem import build, parse
from verify.run import simulate
from verify.verdict import Verdict


def pick(guarantee, statement, part=""):
    """The curve of this statement whose label contains `part`."""
    return next(c for c in guarantee.curves if c.statement == statement and part in c.label)


def stops(guarantee):
    return next(c for c in guarantee.curves if c.later is not None and c.quantity == "rho")


def times(curve, factor):
    def bound(t, observed):
        value, extra = curve.bound(t, observed)
        return factor * value, factor * extra

    return replace(curve, bound=bound)


def given(curve, function):
    """The curve with the bound function(t)."""
    return replace(curve, bound=lambda t, _: (function(t), np.zeros(t.shape)))


def kill(name, mutant, observed):
    found = mutant.check(observed)
    assert found.verdict is Verdict.VIOLATED, (name, found)
    assert found.slack < -found.budget


# --- the extremal family: the curves of the guarantees, evaluated at its constants, against its closed form -----------


@pytest.fixture(scope="module")
def extremal(lab):
    problem = lab.problem(seed=1)

    def make(h, t=None, eps=None):
        member = ExtremalFamily.with_h(h)
        rho_0 = member.rho_0
        bounds = dict(Instance.of(problem).constants)
        bounds |= {"sigma_F": lower(1.0, "family"), "sigma_0": lower(1.0, "family"), "Lambda": upper(1.0, "family"),
                   "rho_0": upper(rho_0, "family"), "loss_0": upper(0.5 * rho_0**2, "family"), "R": lower(0.5, "family"),
                   "eps": upper(eps if eps is not None else 1e-2 * rho_0, "family")}  # fmt: skip
        instance = Instance(problem, Constants(bounds))
        t = np.concatenate([[0.0], np.geomspace(1e-2, 80.0, 200)]) if t is None else t
        rho, length = member.residual(t), member.length(t)
        series = {"rho": rho, "residual": rho, "length": length, "sigma": 1.0 - length,
                  "tail_length": member.length(1e6) - length, "obs_error": rho}  # fmt: skip
        budget = {k: 1e-13 * v + (1e-15 if k in ("tail_length", "sigma") else 1e-25) for k, v in series.items()}
        observed = Observables({k: Series(k, k, t, v, budget[k]) for k, v in series.items()})
        return instance, observed

    return make


def test_equality_is_undecided_on_the_extremal_family(extremal):
    instance, observed = extremal(0.3)
    found = sharp.evaluate(instance)
    assert found.in_force
    for statement, part in (("sharp.logistic", ""), ("sharp.length", "ρ0"), ("sharp.sigma", "ρ0"), ("sharp.tail", "")):
        check = pick(found, statement, part).check(observed)
        assert check.verdict is Verdict.UNDECIDED, check
        assert "violated" not in check.counts
        assert abs(check.slack) < 1e-9 * check.bound + 1e-15
    assert pick(found, "sharp.rate").check(observed).verdict is Verdict.HOLDS


def test_rates_on_the_extremal_family(extremal):
    instance, observed = extremal(0.2499)
    base = baseline.evaluate(instance)
    assert base.in_force
    rho_0 = instance.constants["rho_0"].value
    rate = pick(base, "baseline.loss_rate")
    assert rate.check(observed).verdict is Verdict.HOLDS
    kill("rate 1/4 -> 0.6", given(rate, lambda t: rho_0 * np.exp(-0.6 * t)), observed)
    kill("rate 1/4 -> 0.51", given(rate, lambda t: rho_0 * np.exp(-0.51 * t)), observed)
    # true by slack, so it has to survive
    assert given(rate, lambda t: rho_0 * np.exp(-0.5 * t)).check(observed).verdict is Verdict.HOLDS


def test_lengths_and_stopping_on_the_extremal_family(extremal):
    instance, observed = extremal(0.2)
    base, found = baseline.evaluate(instance), sharp.evaluate(instance)
    for name, curve in (
        ("R' halved", pick(base, "step.confinement")),
        ("tail of the parameters halved", pick(base, "baseline.param_rate")),
    ):
        assert curve.check(observed).verdict is Verdict.HOLDS
        kill(name, times(curve, 0.5), observed)
    for name, curve in (
        ("ell* shortened", pick(found, "sharp.length", "ℓ*")),
        ("sharp.length shortened", pick(found, "sharp.length", "ρ0")),
        ("sharp.tail shortened", pick(found, "sharp.tail")),
    ):
        kill(name, times(curve, 0.99), observed)
    kill("sigma floor raised", times(pick(found, "sharp.sigma", "1 − 2h"), 1.01), observed)
    kill("sigma bound raised", times(pick(found, "sharp.sigma", "ρ0"), 1.001), observed)
    stop = stops(base)
    assert stop.check(observed).verdict is Verdict.HOLDS
    eps, at = base.stop_level, base.stop_time
    kill("stop factor 4 -> 1", stopping_curves("m", at / 4, eps, eps)[0], observed)
    kill("sharp stop 1% early", stopping_curves("m", 0.95 * found.stop_time, eps, eps)[0], observed)
    assert stopping_curves("m", at / 2, eps, eps)[0].check(observed).verdict is Verdict.HOLDS


def test_the_logistic_bound_on_the_extremal_family(extremal):
    instance, observed = extremal(0.3)
    found = sharp.evaluate(instance)
    curve, rho_0 = pick(found, "sharp.logistic"), instance.constants["rho_0"].value

    def logistic(a, b):
        return lambda t: a * rho_0 * np.exp(-a * t) / (a + b * rho_0 * (1 - np.exp(-a * t)))

    a, b = found.quantities["a"], found.quantities["b"]
    assert given(curve, logistic(a, b)).check(observed).verdict is Verdict.UNDECIDED
    kill("1 - 2h -> 1 - h", given(curve, logistic(a * 0.7 / 0.4, b)), observed)
    kill("b -> 3 sigma_F Lambda", given(curve, logistic(a, 1.5 * b)), observed)


def test_a_dropped_condition_on_the_extremal_family(extremal):
    """R' < R dropped: at h = 0.45 neither the rate nor σ0/2 is kept."""
    instance, observed = extremal(0.45)
    assert baseline.evaluate(instance).status == "not_met"
    forced = Instance(instance.problem, Constants({**instance.constants, "R": lower(10.0, "wrong")}))
    base = baseline.evaluate(forced)
    kill("R' < R dropped (rate)", pick(base, "baseline.loss_rate"), observed)
    kill("R' < R dropped (ball)", pick(base, "step.jacobian_ball"), observed)


# --- real runs ---------------------------------------------------------------------------------------------------------


def test_the_bracket_of_the_stopping_time_misplaced(lab):
    """g = θ (one identity neuron, W only), σ² = 0.1, ρ0 = 100, ‖ε‖ = 1: t = 18.1 is claimed, 92 needed."""
    data = lab.table(
        1, 1, signal={"source": "values", "values": [99.0]}, operator={"kind": "identity"}, noise={"values": [1.0]},
        network={"width": 1, "train": "W", "activation": "identity", "antisymmetric": False, "output_scale": 0.1**0.5},
        flow={"t_max": 300.0, "points_per_decade": 40},
    )  # fmt: skip
    problem = build(parse(data))
    still = TwoLayer(problem.network.activation, "W", np.zeros(1), np.ones((1, 1)))
    instance = Instance.of(replace(problem, network=still))
    base = baseline.evaluate(instance)
    sigma2, rho_0, eps = 0.1, 100.0, base.stop_level
    assert (instance.constants["rho_0"].value, eps) == (pytest.approx(rho_0), pytest.approx(1.0))
    assert base.stop_time == pytest.approx(4 / sigma2 * np.log(100))
    observed = observe(instance, simulate(instance, [], None, 1e-10))
    for curve in base.curves:
        assert curve.check(observed).verdict is not Verdict.VIOLATED
    assert stops(base).check(observed).verdict is Verdict.HOLDS
    moved = 4 / sigma2 * (-0.5 * np.log(eps**2 / 2)) - (-0.5 * np.log(rho_0**2 / 2))
    assert moved == pytest.approx(18.1, abs=0.1)
    kill("bracket moved", stopping_curves("m", moved, eps, eps)[1], observed)
    fast = pick(base, "baseline.loss_rate")
    kill("lost square", given(fast, lambda t: rho_0 * np.exp(-np.sqrt(sigma2) * t)), observed)


@pytest.fixture(scope="module")
def both(lab):
    weights = {"kind": "weighted_least_squares", "weights": [0.2, 1.0, 3.0]}
    operator = {"kind": "dense", "values": [[1.0, 0, 0], [0, 1.0, 0], [0, 0, 0.1]]}
    signal = {"source": "values", "values": [0.1, 0.1, 0.9]}
    return lab.run(lab.with_margin("baseline", 0.5, seed=5, operator=operator, signal=signal, loss=weights))


@pytest.fixture(scope="module")
def inner(lab):
    weights = {"kind": "weighted_least_squares", "weights": [0.1, 0.1, 0.2]}
    return lab.run(lab.with_margin("baseline", 0.5, seed=6, loss=weights, network={"train": "W"}))


def with_constants(result, **changed):
    """The guarantees with some constants replaced, by statement and title."""
    instance = Instance(result.problem, Constants({**result.instance.constants, **changed}))
    loss, signal = guarantees.evaluate(instance)
    return loss + signal


def all_hold(result, statement):
    checks = [c for c in result.checks if c.statement == statement]
    assert checks
    assert all(c.verdict is Verdict.HOLDS for c in checks)


def test_constants_from_the_wrong_side(both, inner, find):
    for statement in ("sharp.rate", "baseline.loss_rate", "sharp.logistic"):
        all_hold(both, statement)
        all_hold(inner, statement)
    largest = lower(both.instance.constants["A_norm"].value, "wrong")
    kill(
        "sigma_F -> |A|",
        pick(find(with_constants(both, sigma_F=largest), "sharp.condition"), "sharp.rate"),
        both.observed,
    )
    mutant = find(with_constants(both, sigma_F=largest), "dip2.amgm", "dual")
    kill("sigma_F -> |A| in amgm", pick(mutant, "dip2.amgm", "ρ(t)"), both.observed)
    mutant = find(with_constants(both, sigma_F=largest), "dip2.balanced")
    kill("sigma_F -> |A| in balanced", pick(mutant, "dip2.balanced", "ρ(t)"), both.observed)
    norm = lower(inner.instance.constants["J_norm"].value, "wrong")
    assert norm.value > 1.05 * inner.instance.constants["sigma_0"].value
    kill("sigma_0 -> |J|", pick(find(with_constants(inner, sigma_0=norm), "sharp.condition"), "sharp.sigma", "1 − 2h"),
         inner.observed)  # fmt: skip


def test_forgotten_weights(both, inner, find):
    """w_min taken as 1 promises a residual that decays five times too fast."""
    for result, name in ((both, "w_min -> 1 (both)"), (inner, "w_min -> 1 (W)")):
        w_min = result.problem.loss.w_min
        rate = find(result.convergence, "sharp.condition").rate / w_min
        curve = pick(find(result.convergence, "sharp.condition"), "sharp.rate")
        top = result.observed["rho"].value[0]
        speed = rate if result is inner else 12 * rate
        kill(name, given(curve, lambda t, top=top, speed=speed: top * np.exp(-speed * t)), result.observed)
    all_hold(inner, "wonly.rate")
    envelope = pick(find(inner.convergence, "wonly.rate"), "wonly.rate", "envelope")
    kill("wonly.rate without the root of w_min", times(envelope, inner.problem.loss.w_min**0.5), inner.observed)


def test_hidden_activations(both, find):
    all_hold(both, "dip2.amgm")
    all_hold(both, "dip2.balanced")
    dual = find(both.convergence, "dip2.amgm", "dual")
    f_max = float(both.observed["hidden"].value.min())
    for name, statement, guarantee in (
        ("amgm: s* too large", "dip2.amgm", dual),
        ("balanced: s* too large", "dip2.balanced", find(both.convergence, "dip2.balanced")),
    ):
        curve = pick(guarantee, statement, "≥ s*")
        kill(name, given(curve, lambda t: np.full(t.shape, 1.001 * f_max)), both.observed)
    end = float(both.observed["length"].value[-1])
    kill("amgm: length of a for the whole length", given(pick(dual, "dip2.amgm", "ρ0/(σF"), lambda t: np.full(
        t.shape, both.observed["length_a"].value[-1])), both.observed)  # fmt: skip
    assert end > both.observed["length_a"].value[-1]


def test_w_only(inner, find):
    all_hold(inner, "wonly.linear_rate")
    found = find(inner.convergence, "wonly.linear_rate")
    q, rho_0 = found.quantities, inner.instance.constants["rho_0"].value
    sigma = np.linalg.svd(inner.instance.inner_matrix * np.sqrt(inner.problem.loss.weights)[:, None])[1]
    curve = found.curves[0]
    kill("linear rate without min φ' and with σ_max(B)", given(curve, lambda t: rho_0 * np.exp(-2 * sigma[0] ** 2 * t)),
         inner.observed)  # fmt: skip
    assert q["rate"] < sigma[-1] ** 2
    rate = find(inner.convergence, "wonly.rate")
    early = stopping_curves("m", rate.stop_time / 50, rate.stop_level, 0.0)[0]
    assert stops(rate).check(inner.observed).verdict is Verdict.HOLDS
    kill("wonly stopping time / 50", early, inner.observed)


def test_bounds_free_of_the_condition_number(lab, find):
    noisy = lab.run(lab.with_margin("sharp", 0.05, seed=14))
    found = find(noisy.convergence, "illposed.discrepancy")
    all_hold(noisy, "illposed.discrepancy")
    kill(
        "discrepancy time / 1000",
        stopping_curves("m", found.stop_time / 1000, found.stop_level, 0.0)[0],
        noisy.observed,
    )
    clean = lab.run(lab.with_margin("sharp", 0.05, seed=14, noise=None))
    all_hold(clean, "illposed.rate")
    curve = find(clean.convergence, "illposed.rate").curves[0]
    kill("1/√t without the energy", times(curve, 0.1), clean.observed)


def test_recovery(lab, both, find):
    for statement in ("recover.split", "recover.linear", "baseline.recovery"):
        all_hold(both, statement)
    wide = lab.run(lab.with_margin("sharp", 0.02, 2, 4, seed=19))
    for statement in ("recover.split", "recover.kernel"):
        all_hold(wide, statement)
    split = find(wide.recovery, "recover.split").curves[0]

    def unseen_dropped(t, observed):
        value, extra = split.bound(t, observed)
        return value - observed["unseen_error"].value, extra

    kill("recover.split without the unseen part", replace(split, bound=unseen_dropped), wide.observed)
    kernel = find(wide.recovery, "recover.kernel")
    data_part = wide.problem.output_scale / wide.instance.constants["sigma_F"].value
    eps = wide.instance.data_error

    def seen_only(t, observed):
        return data_part * (observed["rho"].value + eps), np.zeros(t.shape)

    kill("recover.kernel without the kernel", replace(kernel.curves[0], bound=seen_only), wide.observed)
    linear = pick(find(both.recovery, "baseline.recovery"), "recover.linear")
    mu = find(both.recovery, "baseline.recovery").quantities["mu"]

    def noiseless(t, observed):
        return observed["residual"].value / mu, np.zeros(t.shape)

    kill("recovery without the noise", replace(linear, bound=noiseless), both.observed)
    kill(
        "mu -> |A|",
        times(linear, mu / both.instance.constants["A_norm"].value * both.problem.output_scale),
        both.observed,
    )


def test_a_run_that_ends_before_the_claim_decides_nothing(lab, find):
    """The loss at the end of the run is above the level: neither holds nor violated. Below it, monotonicity decides."""
    data = lab.with_margin("sharp", 0.5, seed=3)
    short = lab.run({**data, "flow": {"t_max": 1e-2}})
    stop = [c for c in short.checks if c.statement == "sharp.stop"]
    assert stop
    assert all(c.verdict is Verdict.UNDECIDED and c.n_times == 0 and "ended at t" in c.note for c in stop)
    assert (short.verdict, short.exit_code) == (Verdict.UNDECIDED, 3)
    full = lab.run(data)
    assert full.trajectory.t[-1] < find(full.convergence, "dip2.balanced").stop_time
    early = [c for c in full.checks if c.statement == "dip2.balanced" and "at the end of the run" in c.note]
    assert early
    assert all(c.verdict is Verdict.HOLDS for c in early)
