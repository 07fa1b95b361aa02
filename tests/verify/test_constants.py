"""Every constant lies on its declared side of the truth, recomputed in 60 digits or exact rational arithmetic."""

from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest

from verify import constants as module
from verify.constants import noise_upper, of_problem
from verify.problem import build, parse

mp.mp.dps = 60
PHI = {
    "tanh": (mp.tanh, lambda x: 1 / mp.cosh(x) ** 2, mp.mpf(1), 4 / (3 * mp.sqrt(3))),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), lambda x: 1 / (2 + mp.exp(x) + mp.exp(-x)), mp.mpf(1) / 4, 1 / (6 * mp.sqrt(3))),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), lambda x: 1 / (1 + mp.exp(-x)), mp.mpf(1), mp.mpf(1) / 4),
    "erf": (
        mp.erf, lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x), 2 / mp.sqrt(mp.pi), 2 * mp.sqrt(2 / (mp.pi * mp.e)),
    ),
    "sin": (mp.sin, mp.cos, mp.mpf(1), mp.mpf(1)),
}  # fmt: skip
INSTANCES = {
    "m < n": ((2, 4), {"seed": 1, "network": {"width": 7, "activation": "tanh", "antisymmetric": False}}),
    "m = n, W": ((3, 3), {"seed": 2, "network": {"width": 16, "activation": "erf", "train": "W"}}),
    "m > n": ((4, 2), {"seed": 3, "network": {"width": 6, "activation": "softplus", "antisymmetric": False}}),
    "m > n, W, weights": (
        (4, 2),
        {
            "seed": 4, "loss": {"kind": "weighted_least_squares", "weights": [0.3, 2.0, 1.0, 5.0]},
            "network": {"width": 9, "activation": "sigmoid", "train": "W", "antisymmetric": False, "output_scale": 3.3},
        },
    ),
    "m < n, weights, scale": (
        (2, 5),
        {
            "seed": 5, "loss": {"kind": "weighted_least_squares", "weights": [0.3, 2.0]},
            "network": {"width": 6, "activation": "sin", "output_scale": 0.01},
        },
    ),
    "synthesis": (
        (3, 6),
        {
            "seed": 6, "synthesis": {"kind": "fourier_synthesis", "omega0": 1.5},
            "network": {"width": 10, "activation": "tanh", "output_scale": 7.0, "antisymmetric": False},
        },
    ),
    "ill-conditioned, W": (
        (3, 3),
        {
            "seed": 7, "operator": {"kind": "dense", "values": [[1.0, 0.0, 0.0], [0.0, 1e-6, 0.0], [0.3, 1e-6, 1e-5]]},
            "network": {"width": 5, "activation": "tanh", "train": "W", "antisymmetric": False},
        },
    ),
    "truncated": (
        (3, 4),
        {
            "seed": 8,
            "operator": {"kind": "dense", "values": [[1.0, 2, 0, 1], [0, 1, 1, 0], [1, 3, 1, 1]], "rank": "truncate"},
            "network": {"width": 6, "activation": "erf", "antisymmetric": False},
        },
    ),
}  # fmt: skip


def matrix(array):
    return mp.matrix([[mp.mpf(float(x)) for x in row] for row in np.atleast_2d(array)])


def singular_values(M):
    """Descending, from the eigenvalues of the smaller Gram matrix in 60 digits."""
    gram = M * M.T if M.rows <= M.cols else M.T * M
    values = mp.eigsy(gram, eigvals_only=True)
    return sorted((mp.sqrt(abs(x)) for x in values), reverse=True)


class Exact:
    """The quantities of an instance from its stored doubles, all in 60 digits."""

    def __init__(self, problem):
        net = problem.network
        self.k, self.both = net.k, net.train == "both"
        phi, dphi, self.B1, self.B2 = PHI[net.activation.name]
        if problem.svd.truncated:  # the operator is C Uᵀ
            self.T = matrix(problem.svd.core()) * matrix(problem.svd.U).T
        else:
            self.T = matrix(problem.forward)
        self.V = matrix(net.V)
        a = [mp.mpf(float(x)) for x in net.a]
        self.phi = mp.matrix([phi(x) for x in a])
        slope = [dphi(x) for x in a]
        root = mp.sqrt(self.k)
        self.f0 = mp.norm(self.phi) / root
        Q = self.row_basis(problem.svd.rank)
        self.columns = Q.T * self.V
        S = mp.matrix(self.columns.rows, self.k)
        for i in range(S.rows):
            for j in range(self.k):
                S[i, j] = self.columns[i, j] * slope[j] / root
        values = singular_values(S)
        if self.k < S.rows:
            values += [mp.mpf(0)] * (S.rows - self.k)
        shift = self.f0 if self.both else mp.mpf(0)
        self.sigma_0 = mp.sqrt(shift**2 + min(values) ** 2)
        self.J_norm = mp.sqrt(shift**2 + max(values) ** 2)
        self.c = max(mp.norm(self.columns[:, j]) for j in range(self.k))
        y = matrix(problem.y).T
        self.r = self.T * self.V * self.phi / root - y
        self.weights = (
            [mp.mpf(float(w)) for w in problem.loss.weights] if problem.loss.weights is not None else [1] * y.rows
        )
        self.loss = sum(w * x**2 for w, x in zip(self.weights, self.r, strict=True)) / 2

    def row_basis(self, rank):
        """An orthonormal basis of Im Tᵀ: eigenvectors of TᵀT, in 60 digits."""
        values, vectors = mp.eigsy(self.T.T * self.T)
        order = sorted(range(len(values)), key=lambda i: values[i], reverse=True)[:rank]
        return mp.matrix([[vectors[i, j] for j in order] for i in range(vectors.rows)])

    def modulus(self, c):
        B1, B2, root = self.B1, self.B2, mp.sqrt(self.k)
        return (B2 * c + mp.sqrt(B2**2 * c**2 + 4 * B1**2)) / (2 * root) if self.both else B2 * c / root


@pytest.fixture(scope="module", params=INSTANCES)
def pair(request, lab):
    (shape, changes) = INSTANCES[request.param]
    problem = lab.problem(*shape, **changes)
    return problem, of_problem(problem), Exact(problem)


def tight(bound, truth, relative=1e-6):
    return abs(mp.mpf(bound) - truth) <= relative * abs(truth) + mp.mpf(10) ** -13


def test_operator_and_network_constants_are_on_their_sides(pair):
    problem, c, exact = pair
    values = singular_values(exact.T)
    smallest = values[problem.svd.rank - 1]
    below = {"sigma_F": smallest, "sigma_0": exact.sigma_0, "f_0": exact.f0}
    above = {"A_norm": values[0], "J_norm": exact.J_norm, "c_V": exact.c, "Lambda": exact.modulus(exact.c),
             "B1": exact.B1, "B2": exact.B2}  # fmt: skip
    for name, truth in below.items():
        assert c[name].direction == "lower"
        assert 0 < c[name].as_lower() <= truth, name
        assert tight(c[name].value, truth), name
    for name, truth in above.items():
        assert c[name].direction == "upper"
        assert truth <= c[name].as_upper(), name
        assert tight(c[name].value, truth), name


def test_the_baseline_radius_is_one_on_which_half_of_sigma_0_is_kept(pair):
    _, c, exact = pair
    R = mp.mpf(c["R"].as_lower())
    assert c["R"].direction == "lower"
    assert R * exact.modulus(exact.c + (R if exact.both else 0)) <= exact.sigma_0 / 2
    longer = R * (1 + mp.mpf(10) ** -5)
    assert longer * exact.modulus(exact.c + (longer if exact.both else 0)) > exact.sigma_0 / 2


def test_residual_rho_and_loss_at_the_start(pair):
    problem, c, exact = pair
    rho = mp.sqrt(2 * exact.loss / min(exact.weights))
    truths = {"residual_0": mp.norm(exact.r), "rho_0": rho, "loss_0": exact.loss, "Phi_0": mp.norm(exact.r) ** 2 / 2,
              "y_norm": mp.norm(matrix(problem.y).T)}  # fmt: skip
    for name, truth in truths.items():
        assert truth <= c[name].as_upper(), name
        assert tight(c[name].value, truth), name
    assert c["w_min"].value == min(float(w) for w in exact.weights)


def test_the_noise_level_bounds_the_distance_of_the_stored_data_from_the_exact_ones(pair):
    problem, c, _ = pair
    A = matrix(problem.operator.matrix)
    truth = matrix(problem.truth).T
    error = mp.norm(matrix(problem.y).T - A * truth)
    assert error <= c["eps"].as_upper()
    assert tight(c["eps"].value, error, 1e-9)


def rational_distance(A, x, y):
    """‖y − A x‖² as a rational."""
    F = Fraction
    rows = [
        F(float(b)) - sum(F(float(a)) * F(float(v)) for a, v in zip(r, x, strict=True))
        for r, b in zip(A, y, strict=True)
    ]
    return sum(r * r for r in rows)


def test_the_noise_level_counts_the_rounding_of_the_data(lab):
    """The norm of the drawn vector is not enough: with tiny noise the rounding of A x̄ and of the sum is all there is."""
    naive_fails = 0
    for seed in range(12):
        data = lab.table(3, 4, seed=seed, noise={"norm": 1e-15})
        problem = build(parse(data))
        squared = rational_distance(problem.operator.matrix, problem.truth, problem.y)
        assert squared <= Fraction(of_problem(problem)["eps"].as_upper()) ** 2
        naive_fails += squared > Fraction(problem.noise_norm.as_upper()) ** 2
    assert naive_fails >= 3


def test_data_without_noise_keep_a_noise_level_of_zero_but_not_a_data_error_of_zero(lab):
    instance = lab.instance(3, 4, seed=1, noise=None)
    assert instance.constants["eps"].value == 0
    problem = instance.problem
    squared = rational_distance(problem.operator.matrix, problem.truth, problem.y)
    assert 0 < squared <= Fraction(instance.data_error) ** 2 < Fraction(1, 10**28)


def test_measured_data_keep_the_level_that_was_given(lab):
    data = {"operator": {"kind": "identity"}, "observation": {"values": [1.0, 2.0]}, "network": {"width": 4}}
    known = build(parse({**data, "noise": {"norm": 0.25}}))
    assert (noise_upper(known), of_problem(known)["eps"].value) == (0.25, 0.25)
    assert noise_upper(build(parse(data))) is None
    assert "eps" not in of_problem(build(parse(data)))


def test_paired_neurons_cancel_exactly(lab):
    problem = lab.problem(3, 3, seed=3)
    assert module.is_paired(problem.network)
    c = of_problem(problem)
    assert c["residual_0"].value == pytest.approx(np.linalg.norm(problem.y), rel=1e-14)
    odd = lab.problem(3, 3, seed=3, network={"antisymmetric": False})
    assert not module.is_paired(odd.network)


def test_the_start_of_the_signal_is_known_to_its_error(lab):
    """`Instance.output_0`, at a width and a scale of W where the rounding of one entry is not that of the product."""
    wide = {"width": 400, "antisymmetric": False, "activation": "softplus", "init": {"W_std": 30.0}}
    instance = lab.instance(2, 2, seed=4, network=wide)
    net = instance.problem.network
    exact = matrix(net.V) * mp.matrix([PHI["softplus"][0](mp.mpf(float(x))) for x in net.a]) / mp.sqrt(net.k)
    value, error = instance.output_0
    miss = mp.norm(matrix(value).T - exact)
    assert miss <= error < 1e-10
    paired, none = lab.instance(2, 2, seed=4).output_0
    assert (paired.tolist(), none) == ([0.0, 0.0], 0.0)


def test_kernel_quantities_against_exact_projectors(lab):
    """‖P K0 Q‖ and ‖P(g(0) − x̄/s)‖ for a wide T, P from the 60-digit eigenvectors."""
    for seed in range(3):
        network = {"width": 9, "antisymmetric": False, "output_scale": 2.5}
        instance = lab.instance(2, 5, seed=seed, network=network)
        problem, exact = instance.problem, Exact(instance.problem)
        Q = exact.row_basis(2)
        P = mp.eye(5) - Q * Q.T
        slope = [PHI["tanh"][1](mp.mpf(float(x))) for x in problem.network.a]
        VD = mp.matrix([[exact.V[i, j] * slope[j] for j in range(exact.k)] for i in range(5)])
        coupling = singular_values(P * VD * VD.T * Q / exact.k)[0]
        assert coupling <= instance.kernel_coupling <= coupling * (1 + 1e-9)
        g0 = exact.V * exact.phi / mp.sqrt(exact.k)
        missing = mp.norm(P * (g0 - matrix(problem.truth).T / mp.mpf(2.5)))
        assert missing <= instance.kernel_error() <= missing * (1 + 1e-9)


def test_an_estimate_cannot_enter_a_guarantee(lab):
    c = lab.instance(3, 3).constants
    assert c["kappa"].direction == "estimate"
    with pytest.raises(TypeError):
        c["kappa"].as_upper()
    with pytest.raises(TypeError):
        c["sigma_F"].as_upper()


def test_relu_has_no_modulus(lab):
    c = lab.instance(3, 3, network={"activation": "relu"}).constants
    assert not {"B2", "Lambda", "R"} & set(c)
    assert c["sigma_0"].as_lower() > 0
