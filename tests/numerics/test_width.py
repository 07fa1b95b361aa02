"""A-priori widths: against arithmetic written out by hand, their own inverse, and drawn instances."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import erfinv
from scipy.stats import beta

from numerics.activations import activation
from numerics.amgm import dual
from numerics.compile import function
from numerics.initialization import ENTRY_DISTRIBUTIONS, initialize
from numerics.networks.two_layer import TwoLayer
from numerics.width import (
    CRITERIA,
    NotApplicable,
    Setting,
    assess,
    largest_noise,
    largest_residual,
    smallest_scale,
    smallest_sigma_F,
    smallest_width,
    stopping_time,
    success_probability,
)
from numerics.width.probable import GRID, quantiles
from numerics.width.tables import changed, fit, growth
from theory.symbols import sym

SIZES = ((10, 5), (60, 10))

# --- a second route: plain arithmetic, quadrature for the Gaussian constants --------------------------------------------


def moment(f):
    return 2 * quad(lambda x: f(x) * math.exp(-x * x / 2) / math.sqrt(2 * math.pi), 0, 14, epsabs=0, epsrel=1e-12)[0]


C_PHI = math.sqrt(moment(lambda x: math.tanh(x) ** 2))
C_DPHI = math.sqrt(moment(lambda x: (1 - math.tanh(x) ** 2) ** 2))
B2 = 4 / (3 * math.sqrt(3))


def by_hand(ok):
    high = 1
    while not ok(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if ok(middle) else (middle, high)
    return high


def sigma_0(n, k, delta, both):
    t = math.sqrt(2 * n * math.log(4 * n / delta) / (C_DPHI**2 * k))
    f = math.sqrt(max(0, C_PHI**2 - 1 / k)) - math.sqrt(2 * math.log(4 / delta) / k)
    return math.sqrt((max(f, 0) ** 2 if both else 0) + max(0, 1 - t) * C_DPHI**2)


def rho_0(n, m, k, delta):
    T = math.log(4 / delta)
    return (C_PHI + math.sqrt(2 * T / k)) * math.sqrt(n) * (1 + math.sqrt(2 * T)) + math.sqrt(m)


def rho_sub_gaussian(m, k, delta):
    T = math.log(4 / delta)
    f = C_PHI + math.sqrt(2 * T / k)
    return math.sqrt(f * f * (m + 2 * math.sqrt(m * T) + 2 * T) + m + 2 * f * math.sqrt(m) * math.sqrt(2 * T))


def lipschitz(column, k):
    return (B2 * column + math.sqrt((B2 * column) ** 2 + 4)) / (2 * math.sqrt(k))


def hand(name, n, m, train, delta=0.1):
    """The smallest width, from the statements, for orthonormal rows of A, |y| = sqrt m, tanh and Rademacher V."""
    both = train == "both"

    def ok(k):
        sigma, rho = sigma_0(n, k, delta, both), rho_0(n, m, k, delta)
        if name == "amgm":  # four events of delta/4
            f = math.sqrt(max(0, C_PHI**2 - 1 / k)) - math.sqrt(2 * math.log(4 / delta) / k)
            return f > 0 and rho_sub_gaussian(m, k, delta) < math.sqrt(k) * f * f
        if sigma == 0:
            return False
        R_prime = 2 * rho / sigma
        if name == "baseline_coarse":
            return R_prime * (1 + 2 * (math.sqrt(n) + R_prime)) / math.sqrt(k) < sigma / 2
        if name == "baseline":
            return R_prime * (lipschitz(math.sqrt(n) + R_prime, k) if both else B2 * math.sqrt(n / k)) < sigma / 2
        assert name == "sharp"
        return (lipschitz(math.sqrt(n), k) if both else B2 * math.sqrt(n / k)) * rho / sigma**2 < 0.5

    return by_hand(ok)


CASES = [
    *((name, "both") for name in ("baseline_coarse", "baseline", "sharp", "amgm")),
    *((name, "W") for name in ("baseline", "sharp")),
]


@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize(("name", "train"), CASES)
def test_widths_are_those_of_the_arithmetic_by_hand(name, train, n, m):
    answer = smallest_width(Setting(n, m, train=train, order_statistics=False), 0.1, name)
    assert answer.value == hand(name, n, m, train)


# The first evaluations that this project set out from, as printed (two digits where two were given).
PRINTED = {
    ("baseline_coarse", "both"): (4.9e6, 1.2e8),
    ("baseline", "both"): (7.2e5, 1.7e7),
    ("sharp", "both"): (6049, 111933),
    ("amgm", "both"): (435, 567),
    ("balanced", "both"): (37, 379),
    ("balanced_linear", "both"): (18, 37),
    ("sharp", "W"): (14320, 352364),
}


@pytest.mark.parametrize("key", sorted(PRINTED))
def test_first_evaluations_are_reproduced(key):
    name, train = key
    for (n, m), printed in zip(SIZES, PRINTED[key], strict=True):
        value = smallest_width(Setting(n, m, train=train, order_statistics=False), 0.1, name).value
        rounded = float(f"{value:.1e}") if printed >= 1e5 and name.startswith("baseline") else value
        # 352364 was printed for "k exceeds 352362.x": one more than the smallest
        assert rounded == printed or (key == ("sharp", "W") and value == printed - 1)


def test_order_statistics_and_the_box_correct_the_rest_of_the_table():
    """Printed were 304 and 381 for the dual choice, 4473 and 18510 for W only with refinements: these are smaller."""
    for (n, m), dual_printed, W_printed in zip(SIZES, (304, 381), (4473, 18510), strict=True):
        assert smallest_width(Setting(n, m), 0.1, "amgm_dual").value < dual_printed
        assert smallest_width(Setting(n, m, train="W"), 0.1, "wonly").value < W_printed / 20


# --- laws ----------------------------------------------------------------------------------------------------------------


@st.composite
def a_setting(draw):
    n = draw(st.integers(2, 40))
    m = draw(st.integers(1, n))
    L_F = draw(st.sampled_from([0.5, 1.0, 3.0]))
    return Setting(
        n,
        m,
        train=draw(st.sampled_from(["both", "W"])),
        activation=draw(st.sampled_from(["tanh", "erf", "sigmoid", "softplus", "sin", "gelu", "silu", "identity"])),
        V=draw(st.sampled_from(sorted(ENTRY_DISTRIBUTIONS))),
        L_F=L_F,
        sigma_F=L_F / draw(st.sampled_from([1.0, 3.0, 20.0])),
        noise=draw(st.sampled_from([0.0, 0.3])),
        antisymmetric=draw(st.booleans()),
        scale=draw(st.sampled_from([1.0, 4.0])),
    )


@given(setting=a_setting(), delta=st.sampled_from([1e-6, 0.01, 0.1, 0.4]))
@settings(deadline=None, max_examples=25)
def test_the_smallest_width_is_certified_and_the_one_below_is_not(setting, delta):
    step = 2 if setting.antisymmetric else 1
    applicable = 0
    for name in CRITERIA:
        answer = smallest_width(setting, delta, name)
        if answer.value is None:
            assert answer.why
            continue
        applicable += 1
        k = int(answer.value)
        assert answer.assessment.certified
        assert answer.steps
        below = k - step * max(1, round(k * 2.0**-40))
        if below >= step:
            assert not assess(setting, below, delta, name)[0].certified
        # wider stays certified, and so does a larger allowance for failure
        assert assess(setting, 4 * k, delta, name)[0].certified
        assert assess(setting, k, min(0.45, 2 * delta), name)[0].certified
        if answer.assessment.h is not None:
            assert answer.assessment.h < 0.5
    event(f"{applicable} criteria")
    assert applicable >= 1 or (setting.train == "W" and setting.V == "gaussian")


@pytest.mark.parametrize("name", ["sharp", "sharp_linear", "amgm", "amgm_dual", "baseline"])
def test_inverse_design_ends_where_the_condition_does(name):
    setting = Setting(8, 4, antisymmetric=True)
    k = 2 * int(smallest_width(setting, 0.1, name).value)
    for solve, change in (
        (largest_noise, lambda x: setting.with_(noise=x)),
        (largest_residual, lambda x: setting.with_(residual=x)),
        (smallest_sigma_F, lambda x: setting.with_(sigma_F=x)),
        (smallest_scale, lambda x: setting.with_(scale=x)),
    ):
        answer = solve(setting, k, 0.1, name)
        assert answer.value > 0, solve.__name__
        assert assess(change(answer.value), k, 0.1, name)[0].certified
        outward = 1 + 1e-5 if solve in (largest_noise, largest_residual) else 1 - 1e-5
        assert not assess(change(answer.value * outward), k, 0.1, name)[0].certified
    chance = success_probability(setting, k, name)
    assert 0.9 < chance.value <= 1
    tight = success_probability(setting, int(smallest_width(setting, 0.1, name).value), name)
    assert tight.value == pytest.approx(0.9, abs=0.02)


def test_designs_without_an_answer_say_why():
    setting = Setting(10, 5)
    for answer in (
        largest_noise(setting, 3, 0.1, "sharp"),
        success_probability(setting, 3, "sharp"),
        smallest_width(setting, 0.1, "wonly"),
    ):
        assert answer.value is None
        assert answer.why
    with pytest.raises(ValueError, match="antisymmetric"):
        smallest_scale(setting, 100, 0.1, "sharp")
    everything = largest_noise(Setting(10, 5), 400, 0.1, "balanced_linear")
    assert everything.value == pytest.approx(1e12)
    assert "whole range" in everything.why


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n": 0}, "n counts something"),
        ({"m": 2.5}, "m counts something"),
        ({"rank": 6}, "at most 5"),
        ({"sigma_F": 0.0}, "sigma_F has to be a finite number > 0"),
        ({"sigma_F": 2.0}, "cannot exceed its norm"),
        ({"y_norm": -1.0}, "y_norm"),
        ({"noise": math.nan}, "noise"),
        ({"scale": math.inf}, "scale"),
        ({"train": "V"}, "train"),
        ({"activation": "tahn"}, "did you mean 'tanh'"),
        ({"activation": "relu"}, "outside the assumptions"),
        ({"V": "cauchy"}, "unknown distribution"),
        ({"F0_norm": 1.0}, "F\\(0\\) = 0"),
    ],
)
def test_what_cannot_be_is_met_at_the_door(fields, message):
    with pytest.raises(ValueError, match=message):
        Setting(**{"n": 10, "m": 5, **fields})


@pytest.mark.parametrize(
    ("k", "delta", "message"), [(0, 0.1, "integer >= 1"), (2.5, 0.1, "integer"), (4, 0.0, "delta"), (4, 1.0, "delta")]
)
def test_width_and_probability_are_checked(k, delta, message):
    with pytest.raises(ValueError, match=message):
        assess(Setting(10, 5), k, delta, "amgm")


def test_pairs_need_an_even_width():
    with pytest.raises(ValueError, match="even"):
        assess(Setting(10, 5, antisymmetric=True), 7, 0.1, "amgm")
    assert smallest_width(Setting(10, 5, antisymmetric=True), 0.1, "amgm").value % 2 == 0


# --- claims with a probability ---------------------------------------------------------------------------------------------


def upper_limit(successes, trials, level=1e-6):
    """Upper confidence limit of the success probability (Clopper–Pearson, one-sided)."""
    return 1.0 if successes == trials else float(beta.isf(level, successes + 1, trials - successes))


@pytest.mark.parametrize("side", ["lower", "upper"])
def test_order_statistics_hold_with_the_probability_claimed_and_no_better_constant_does(side):
    k, T, trials = 400, 1.2, 2000
    rng = np.random.default_rng(7)
    sample = np.sort(np.abs(rng.standard_normal((trials, k))), axis=1)

    def successes(T_used):
        bound = quantiles(k, T_used, side)
        inside = sample >= bound if side == "lower" else sample <= bound
        return int(inside.all(axis=1).sum())

    assert upper_limit(successes(T), trials) >= 1 - math.exp(-T)
    # half of the deviation (a quarter of T) is refuted for the probability of T: the inequality is nearly sharp
    assert upper_limit(successes(max(T / 4, math.log(2))), trials) < 1 - math.exp(-T)
    assert quantiles(k, T, side).size == k


def test_blocks_of_quantiles_bound_all_order_statistics():
    k, T = 3 * GRID + 17, 20.0
    fine = np.sort(np.abs(np.random.default_rng(3).standard_normal(k)))
    ranks = np.ceil(np.linspace(0, 1, GRID, endpoint=False)[1:] * k).astype(int)
    low, high = quantiles(k, T, "lower"), quantiles(k, T, "upper")
    assert low.size == high.size == GRID
    assert (fine[ranks - 1] >= low[:-1]).all()
    assert (fine[ranks - 1] <= high[:-1]).all()
    assert (np.diff(low) >= 0).all()
    with pytest.raises(ValueError, match="1/2"):
        quantiles(10, 0.5, "lower")


def hidden_capacity(setting, k, rng):
    a, _ = initialize(setting.n, k, rng, V=setting.V)
    return dual(activation(setting.activation), a, 1.0, setting.sigma_F).capacity


def test_dual_capacity_is_below_the_drawn_ones_with_the_probability_claimed():
    setting, k, delta, trials = Setting(10, 5), 300, 0.2, 300
    found, steps = assess(setting, k, delta, "amgm_dual")
    (bound,) = (step.value for step in steps if step.symbol == "capacity")
    rng = np.random.default_rng(11)
    capacities = [hidden_capacity(setting, k, rng) for _ in range(trials)]
    assert found.certified
    assert upper_limit(sum(c >= bound for c in capacities), trials) >= 1 - delta / 4
    assert sum(c >= 1.35 * bound for c in capacities) < trials / 2  # not vacuous: the bound is near the truth


@pytest.mark.parametrize(
    ("k", "antisymmetric"), [(300, False), (300, True), (2 * GRID + 1000, True), (GRID + 777, False)]
)
def test_quantiles_stand_for_all_neurons_in_the_dual_capacity(k, antisymmetric):
    """Against the dual choice at one number a neuron, from SciPy: equal up to rounding, or the loss of the blocks."""
    setting = Setting(10, 5, antisymmetric=antisymmetric, residual=1.0)
    independent, T = (k // 2 if antisymmetric else k), -math.log(0.1)
    (bound,) = (step.value for step in assess(setting, k, 0.1, "amgm_dual")[1] if step.symbol == "capacity")
    levels = np.arange(1, independent + 1) / independent - math.sqrt(T / (2 * independent))
    a = math.sqrt(2) * erfinv(np.maximum(levels, 0.0))
    whole = dual(activation("tanh"), np.concatenate([a, a]) if antisymmetric else a, 1.0, 1.0).capacity
    assert bound <= whole * (1 + 1e-12)
    assert bound >= whole * (1 - (1e-9 if independent <= GRID else 6 / GRID))  # tightness: blocks lose up to 0.1%


def test_sigma_0_and_residual_hold_with_the_probability_claimed():
    setting, k, delta, trials = Setting(6, 3), 600, 0.2, 200
    _, steps = assess(setting, k, delta, "sharp_linear")
    value = {step.symbol: step.value for step in steps}
    rng = np.random.default_rng(5)
    A = np.linalg.qr(rng.standard_normal((6, 3)))[0].T
    y = np.sqrt(3) * np.eye(3)[0]
    good = {"sigma_0": 0, "residual": 0, "f_lo": 0, "f_hi": 0}
    for _ in range(trials):
        a, V = initialize(6, k, rng)
        network = TwoLayer(activation("tanh"), "both", a, V)
        f = float(np.linalg.norm(np.tanh(a)) / math.sqrt(k))
        good["sigma_0"] += network.singular_values()[-1] >= value["sigma_0"]
        good["residual"] += np.linalg.norm(A @ network.output() - y) <= value["residual"]
        good["f_lo"] += f >= value["f_lo"]
        good["f_hi"] += f <= value["f_hi"]
    for name, count in good.items():
        assert upper_limit(int(count), trials) >= 1 - delta, name
    assert value["f_hi"] - value["f_lo"] < 0.2  # f is about 0.63: neither bound is vacuous


@pytest.mark.parametrize("law", sorted(ENTRY_DISTRIBUTIONS))
def test_c_1_bounds_the_mean_modulus_of_a_projection(law):
    """Against 2e5 samples in random directions and the sharp one of Khinchine's inequality, (1, 1)/sqrt 2."""
    rng = np.random.default_rng(1)
    c_1 = ENTRY_DISTRIBUTIONS[law].c_1
    sample = ENTRY_DISTRIBUTIONS[law].draw(rng, (8, 200_000))
    directions = [np.eye(8)[0], (np.eye(8)[0] + np.eye(8)[1]) / math.sqrt(2), *rng.standard_normal((5, 8))]
    for p in directions:
        projected = np.abs(p @ sample) / np.linalg.norm(p)
        assert projected.mean() + 6 * projected.std() / math.sqrt(200_000) >= c_1
    if law == "rademacher":
        signs = np.array(list(itertools.product([-1, 1], repeat=2)))
        assert np.abs(signs @ np.ones(2) / math.sqrt(2)).mean() == pytest.approx(c_1, rel=1e-12)


@pytest.mark.parametrize("antisymmetric", [False, True])
@pytest.mark.parametrize("law", ["rademacher", "gaussian", "uniform"])
def test_wonly_width_contains_the_ball_with_the_probability_claimed(law, antisymmetric):
    """The zonotope (1/sqrt k) V [-1, 1]^k holds the ball of radius `capacity`: its support function, minimized by descent."""
    setting = Setting(4, 4, train="W", V=law, antisymmetric=antisymmetric)
    delta, trials = 0.3, 60
    k = int(smallest_width(setting, delta, "wonly").value)
    capacity = assess(setting, k, delta, "wonly")[0].have
    rng = np.random.default_rng(2)
    radii = np.array(
        [smallest_support(initialize(4, k, rng, V=law, antisymmetric=antisymmetric)[1], rng) for _ in range(trials)]
    )
    assert upper_limit(int((radii >= capacity).sum()), trials) >= 1 - delta
    assert capacity > setting.preimage
    # teeth: without the uniform deviation (capacity phi_sup sqrt k c_1) the claim is refuted
    naive = math.sqrt(k) * math.sqrt(2 / math.pi)
    assert upper_limit(int((radii >= naive).sum()), trials) < 1 - delta


def smallest_support(V, rng):
    """Upper bound of min over unit p of |V^T p|_1/sqrt k, by subgradient steps from 20 starts."""
    k = V.shape[1]
    best = math.inf
    for _ in range(20):
        p = rng.standard_normal(V.shape[0])
        for step in range(60):
            p /= np.linalg.norm(p)
            best = min(best, float(np.abs(V.T @ p).sum()) / math.sqrt(k))
            p = p - (V @ np.sign(V.T @ p)) / k * (0.5 / (1 + step))
    return best


# --- growth, stopping ------------------------------------------------------------------------------------------------------


def test_orders_are_confirmed_or_over_count():
    """n at fixed m, both layers: the printed order n rho^4/sigma^4 grows as n^3, the explicit width as n^2 at most; the
    widths from the hidden activations do not depend on n; kappa enters with the powers claimed, and not at all for balance."""
    values = [400.0, 800.0, 1600.0]
    printed = growth(Setting(400, 10), 0.1, "n", values, "baseline")
    assert printed.claimed.value > 2.6
    assert printed.exponent.value < 2.1
    assert growth(Setting(400, 10), 0.1, "n", values, "amgm").exponent.value == 0
    kappas = [4.0, 16.0, 64.0]
    powers = {"baseline": 4, "sharp": 2, "amgm": 2, "balanced_linear": 0}
    for name, power in powers.items():
        assert growth(Setting(20, 10), 0.1, "kappa", kappas, name).exponent.value == pytest.approx(power, abs=0.12)
    fixed = growth(Setting(20, 10, train="W", x_plus=3.0), 0.1, "kappa", kappas, "wonly")
    assert fixed.exponent.value == 0


def test_fits_and_changes():
    assert fit([1, 2], [1, 2]) is None
    assert fit([1, 2, 4], [math.nan, 2, 4]) is None
    noisy = fit([1, 2, 4, 8], [1, 2.2, 3.7, 8.3])
    assert noisy.low < 1 < noisy.high
    with pytest.raises(ValueError, match="cannot be varied"):
        changed(Setting(4, 2), 0.1, "width", 3)
    with pytest.raises(ValueError, match="at least 1"):
        changed(Setting(4, 2), 0.1, "kappa", 0.5)


def test_stopping_time_is_the_time_of_the_rate():
    setting, level = Setting(10, 5, noise=0.5), 0.5
    found, _ = assess(setting, 800, 0.1, "amgm_dual")
    assert stopping_time(setting, found, level) == pytest.approx(math.log(found.rho_0 / level) / found.rate, rel=1e-9)
    assert stopping_time(setting, found, 2 * found.rho_0) == 0
    assert stopping_time(setting, assess(setting, 20, 0.1, "sharp")[0], level) is None
    sharp, _ = assess(Setting(10, 5), 20000, 0.1, "sharp")
    assert stopping_time(setting, sharp, level) < math.log(sharp.rho_0 / level) / sharp.rate * (
        1 + 1e-9
    )  # logistic: never later


def test_what_does_not_apply_is_refused():
    with pytest.raises(NotApplicable, match="bounded"):
        assess(Setting(10, 5, V="gaussian"), 100, 0.1, "sharp")
    with pytest.raises(NotApplicable, match="linear"):
        assess(Setting(10, 5, linear=False), 100, 0.1, "sharp_linear")
    with pytest.raises(NotApplicable, match="star-shaped"):
        assess(Setting(10, 5, activation="gelu"), 100, 0.1, "amgm_dual")


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("log_cosh", {}), ("pseudo_huber", {"huber": 0.5}), ("p_power", {"p": 4.0}), ("lp", {"p": 3.0}),
     ("lojasiewicz", {"alpha": 0.3, "c": 2.0})],
)  # fmt: skip
def test_every_loss_has_its_rho_its_width_and_its_stopping_time(name, parameters):
    """rho_0 bounds psi(L) over the sphere of residuals and is attained there; the flow of the bound stops when it says."""
    from numerics.losses import loss

    setting = Setting(8, 4, noise=0.4, antisymmetric=True, loss=name, loss_parameters=tuple(parameters.items()))
    answer = smallest_width(setting, 0.1, "amgm_dual")
    found, residual = answer.assessment, setting.y_total
    item = loss(name, **{**parameters, **({"m": 4} if name == "lp" else {})})
    rng = np.random.default_rng(0)
    directions = np.concatenate([rng.standard_normal((500, 4)), np.eye(4), np.ones((1, 4))])
    directions *= residual / np.linalg.norm(directions, axis=1, keepdims=True)
    values = item.rho(directions, np.zeros(4))
    assert values.max() <= found.rho_0 * (1 + 1e-12)
    assert values.max() == pytest.approx(found.rho_0, rel=1e-9)
    assert residual <= found.rho_0 * (1 + 1e-12)  # growth: rho is at least the residual
    # the stopping time by a second route: integrate the time that rho spends at each level
    wide, _ = assess(setting, 8 * int(answer.value), 0.1, "amgm_dual")
    time = stopping_time(setting, wide, 0.4)
    dpsi, inverse = (function(part(sym(of)), [of]) for part, of in ((item.kl.dpsi, "s"), (item.kl.psi_inv, "rho")))
    expected = quad(lambda rho: dpsi(inverse(rho)) / wide.rate, 0.4, wide.rho_0, epsabs=0, epsrel=1e-10)[0]
    assert time == pytest.approx(expected, rel=1e-7)
    sharp, _ = assess(setting, 400_000, 0.1, "sharp")
    assert sharp.certified
    assert stopping_time(setting, sharp, 0.4) > 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"loss": "lojasiewicz", "loss_parameters": (("alpha", 0.75), ("c", 1.0))}, "A.loss.smooth"),
        ({"loss": "weighted_least_squares"}, "scale the rows"),
        ({"loss": "p_power", "loss_parameters": (("p", 1.0),)}, "outside"),
        ({"loss": "log_cosh", "loss_parameters": (("p", 3.0),)}, "no parameter"),
        ({"loss": "huber"}, "unknown loss"),
    ],
)
def test_losses_are_checked(fields, message):
    with pytest.raises(ValueError, match=message):
        Setting(8, 4, **fields)
