"""The smallest width at which an instance is certified: against the theorems as `dipcert run` evaluates them, and the flow."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from numerics.flow import gradient_flow
from numerics.losses import loss
from numerics.networks.two_layer import TwoLayer
from numerics.reduced import ReducedProblem
from verify import build, parse
from verify.instance import Instance
from verify.instance_widths import EVALUATORS
from verify.nested_widths import CRITERIA, Nested, smallest

SAME = {
    "sharp": "sharp",
    "sharp_linear": "sharp_linear",
    "amgm": "amgm_dual",
    "balanced": "balanced_linear",
    "saturated": "sharp_saturated",
    "wonly": "wonly",
}


def made(train, n=5, s=(1.0, 0.7), seed=0):
    rng = np.random.default_rng(seed)
    frame = np.ascontiguousarray(np.linalg.qr(rng.standard_normal((n, 2)))[0].T)
    s, truth = np.array(s), 1.5 * rng.standard_normal(n)
    return Nested(s, frame, s * (frame @ truth), rng, train, "tanh", "uniform"), truth


def instance(nested, truth, k):
    """The same as `dipcert run` would have it."""
    spec = {
        "signal": {"source": "values", "values": truth.tolist()},
        "operator": {"kind": "dense", "values": (np.diag(nested.s) @ nested.frame).tolist()},
        "noise": {"level": 0.0},
        "network": {"width": k, "activation": "tanh", "train": nested.train},
    }
    network = TwoLayer(nested.activation, nested.train, nested.a[:k].copy(), nested.V[:, :k].copy())
    return Instance.of(replace(build(parse(spec)), network=network))


@pytest.mark.parametrize("train", ["both", "W"])
def test_a_width_is_certified_as_the_command_certifies_it(train):
    nested, truth = made(train)
    for name in CRITERIA[train]:
        if name not in SAME:
            continue
        width = smallest(nested, name, 4096)
        assert CRITERIA[train][name](nested.prefix(int(width)))
        if width > 1:  # where doubling was the last time in vain
            assert not CRITERIA[train][name](nested.prefix(2 ** (math.ceil(math.log2(width)) - 1)))
        below = int(width) - max(1, int(width) // 64)
        for k in {int(width), max(below, 1), 2 * int(width)}:
            nested.prefix(k)
            assert CRITERIA[train][name](nested.prefix(k)) == EVALUATORS[SAME[name]](instance(nested, truth, k)), name


@pytest.mark.parametrize(("train", "names", "seed"), [("both", ("amgm", "balanced"), 1), ("W", ("wonly",), 2)])
def test_narrow_networks_of_a_badly_conditioned_operator(train, names, seed):
    nested, truth = made(train, n=12, s=(1.0, 0.25), seed=seed)
    answers = set()
    for k in (1, 2, 3, 4, 6, 8, 12, 16, 24):
        prefix, other = nested.prefix(k), instance(nested, truth, k)
        for name in names:
            answers.add((name, CRITERIA[train][name](prefix)))
            assert CRITERIA[train][name](prefix) == EVALUATORS[SAME[name]](other), (name, k)
    assert {(names[-1], True), (names[-1], False)} <= answers


@pytest.mark.parametrize("train", ["both", "W"])
def test_constants_are_those_of_the_instance(train):
    nested, truth = made(train)
    prefix, other = nested.prefix(80), instance(nested, truth, 80)
    for name, bound in prefix.constants(restricted=True).items():
        assert bound.value == pytest.approx(other.constants[name].value, rel=1e-9), name
        assert bound.direction == other.constants[name].direction
    # without the restriction, in floating point: never on the wrong side
    plain, network = prefix.constants(restricted=False), prefix.network
    sigma_0 = float(network.singular_values()[-1])
    assert sigma_0 * (1 - 1e-9) < plain["sigma_0"].as_lower() <= sigma_0 * (1 + 1e-14)
    # the baseline by its definition: R' = 2 rho_0/(sigma_F sigma_0), and R Lip(R) = sigma_0/2
    width = smallest(nested, "baseline", 2**15)
    known = nested.prefix(int(width))
    values = {key: bound.value for key, bound in known.constants(restricted=False).items()}
    R_prime = 2 * values["rho_0"] / (values["sigma_F"] * values["sigma_0"])
    assert R_prime * known.network.lipschitz(R_prime).value < values["sigma_0"] / 2
    assert smallest(nested, "sharp", 2**15) <= width


def test_the_path_is_as_short_as_the_energy_says(monkeypatch):
    import verify.nested_widths as module

    found = []
    search = module.zero_loss
    monkeypatch.setattr(module, "zero_loss", lambda *given: found.append((given, search(*given))) or found[-1][1])
    nested, _ = made("both")
    width = int(smallest(nested, "energy", 2**13))
    assert CRITERIA["both"]["energy"](nested.prefix(width))
    (E_0, Phi_0, *_), budget = found[-1]
    a, V = nested.a[:width].copy(), nested.frame @ nested.V[:, :width]
    z = V @ nested.activation.phi(a) / math.sqrt(width) - nested.y / nested.s
    factor = V * nested.activation.dphi(a) / math.sqrt(width)
    kernel = factor @ factor.T + np.sum(nested.activation.phi(a) ** 2) / width * np.eye(2)
    assert 0.5 * z @ np.linalg.solve(kernel, z) <= E_0
    assert pytest.approx(0.5 * z @ z / np.linalg.eigvalsh(kernel)[0], rel=1e-9) == E_0
    assert Phi_0 == pytest.approx(0.5 * float(np.sum((nested.s * z) ** 2)), rel=1e-9)
    problem = ReducedProblem(nested.s, nested.y, loss("least_squares"), nested.activation, "both", a, V)
    run = gradient_flow(problem, t_max=1e4, loss_stop=1e-12, rtol=1e-6, error_estimate=False)
    assert run.status == "loss_stop"
    assert 0.2 * budget.L < float(run.length[-1]) < budget.length


def test_a_frame_that_is_not_orthonormal_is_paid_for():
    nested, _ = made("both")
    short = Nested(nested.s, nested.frame * (1 - 1e-8), nested.y, np.random.default_rng(0), "both", "tanh", "uniform")
    truth = float(np.linalg.svd(np.diag(short.s) @ short.frame, compute_uv=False)[-1])
    assert truth * (1 - 1e-7) < short.sigma_F.as_lower() < truth * (1 + 1e-15)
    assert short.root < 1 - 1e-8 < nested.root


def test_neurons_are_added():
    nested, _ = made("W")
    small = nested.prefix(20).network
    large = nested.prefix(700).network
    assert np.array_equal(small.a, large.a[:20])
    assert np.array_equal(small.V, large.V[:, :20])
    whole, error = nested.activation.enclose_phi(nested.a)
    assert np.array_equal(nested.phi[0], whole)
    assert np.array_equal(nested.phi[1], error)


def test_what_is_not_certified_has_no_width():
    nested, _ = made("both")
    assert smallest(nested, "sharp", 8) == math.inf
    assert nested.a.size < 64
