"""Feedforward networks of any depth, one or several inputs (`deep.*`): Jacobian, centre modulus, output bias.

The recursion of the modulus is written as the formulas of one layer; :mod:`numerics.deep_modulus` runs them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import sympy as sp

from theory.mutants.deep import CONSTANTS, MUTANTS
from theory.statement import Obligation, Statement
from theory.symbols import sym
from theory.theorems.assumptions import FEEDFORWARD

h_prev, bias, M_l, block_norm = sym("h_prev"), sym("bias"), sym("M_l"), sym("block_norm")
w_l, r_l, e_prev, zeta, B1, B2 = (sym(s) for s in ("w_l", "r_l", "e_prev", "zeta", "B1", "B2"))
mu_l, mu_next, M_next, w_next, r_next = (sym(s) for s in ("mu_l", "mu_next", "M_next", "w_next", "r_next"))
P_col, pi_l, block, Omega = sym("P_col"), sym("pi_l"), sym("block"), sym("Omega")
x, z, c = sym("x"), sym("z"), sym("c")

_input = sp.sqrt(h_prev**2 + bias)
_zeta = (w_l + r_l) * e_prev + r_l * _input
_pi = mu_next * (w_next + r_next) + M_next * r_next
_mu = B1 * pi_l + B2 * P_col * zeta
_block = _input * mu_l + e_prev * (M_l + mu_l)


def _matrix(rows: int, columns: int) -> sp.Matrix:
    return sp.Matrix(rows, columns, lambda i, j: sp.Dummy(real=True))


def _squares(gap: Any) -> sp.Expr:
    return sum((sp.expand(entry) ** 2 for entry in gap), sp.Integer(0))


def _gram() -> sp.Expr:
    """J J^T minus the sum over the layers, for sizes 2-2-2, with biases, and any phi."""
    phi = sp.Function("phi", real=True)
    u, W1, b1, W2, b2 = _matrix(2, 1), _matrix(2, 2), _matrix(2, 1), _matrix(2, 2), _matrix(2, 1)
    z1 = W1 * u + b1
    h1 = z1.applyfunc(phi)
    J = (W2 * h1 + b2).jacobian([*W1, *b1, *W2, *b2]).doit()
    D = sp.diag(*(sp.diff(phi(x), x).subs(x, z).subs(z, entry) for entry in z1))
    M1 = W2 * D
    gap = J * J.T - (((u.T * u)[0] + 1) * M1 * M1.T + ((h1.T * h1)[0] + 1) * sp.eye(2))
    return sum((sp.simplify(entry.doit()) ** 2 for entry in gap), sp.Integer(0))


def _product_rule(case: str) -> Callable[[], sp.Expr]:
    """The identities behind the recursion, for 2 x 2 matrices: each splits a change into the terms that are bounded."""

    def build() -> sp.Expr:
        A1, A0, X1, X0 = (_matrix(2, 2) for _ in range(4))
        if case == "forward":
            h1, h0, b1, b0 = (_matrix(2, 1) for _ in range(4))
            return _squares(A1 * h1 + b1 - A0 * h0 - b0 - (A1 * (h1 - h0) + (A1 - A0) * h0 + (b1 - b0)))
        if case == "backward":
            return _squares(A1 * X1 - A0 * X0 - ((A1 - A0) * X1 + A0 * (X1 - X0)))
        h1, h0 = _matrix(1, 2), _matrix(1, 2)  # block of layer l, a row [h, beta^{1/2}] tensor M
        full = [sp.Matrix([[*h, sp.sqrt(bias)]]) for h in (h1, h0)]
        kron = sp.kronecker_product
        change = kron(full[0], A1) - kron(full[1], A0)
        return _squares(change - kron(full[1], A1 - A0) - kron(full[0] - full[1], A1))

    return build


def _frobenius() -> sp.Expr:
    """|P E|_F^2 = sum of |column_i|^2 e_i^2 for diagonal E, 2 x 2."""
    P, e = _matrix(2, 2), (sp.Dummy(real=True), sp.Dummy(real=True))
    change = P * sp.diag(*e)
    return sp.expand(
        sum(entry**2 for entry in change) - sum((P[0, i] ** 2 + P[1, i] ** 2) * e[i] ** 2 for i in range(2))
    )


GRAM = Statement(
    id="deep.gram",
    kind="lemma",
    origin="known",
    title="Jacobian of a feedforward network, layer by layer",
    text=FEEDFORWARD + "For one input J_g J_g^T = sum over l of (|h_{l-1}|^2 + beta) M_l M_l^T; for several inputs the "
    "block of the inputs i and j is the sum over l of (<h_{l-1,i}, h_{l-1,j}> + beta) M_{l,i} M_{l,j}^T. So the block J_l "
    "of layer l (derivative by W_l and b_l, one input) has spectral norm sqrt(|h_{l-1}|^2 + beta) |M_l|.",
    hypotheses=("A.network.feedforward",),
    conclusion=sp.Eq(block_norm, _input * M_l, evaluate=False),
    formulas={"block_norm": _input * M_l},
    reads={"block_norm": "spectral norm of the block of layer l in J_g, one input"},
    cites=("liu2020",),
    proof="dg = M_l (dW_l h_{l-1} + db_l), so the block of layer l is [h_{l-1}^T, beta^{1/2}] tensor M_l, whose product "
    "with the transposed block of another input is (<h, h'> + beta) M_l M_l'^T. The blocks stand side by side.",
    obligations=(
        Obligation("J J^T is the sum over the layers, written out for sizes 2-2-2 with biases, any phi", _gram),
    ),
    mutants=MUTANTS["deep.gram"],
)

MODULUS = Statement(
    id="deep.modulus",
    kind="theorem",
    origin="explicit",
    title="Centre modulus of a feedforward network",
    text=FEEDFORWARD + "|phi'| <= B1 and phi' is B2-Lipschitz. Let the budgets r_l >= 0 bound the "
    "changes of (W_l, b_l) in Frobenius norm (in the ball of radius r there are such with sum r_l^2 <= r^2; r_l = r for "
    "every l serves for the whole ball), and let h, M, P and w_l = |W_l| be those of theta_0. "
    "For one input, "
    "forward from e_0 = 0: zeta_l = (w_l + r_l) e_{l-1} + r_l "
    "sqrt(|h_{l-1}|^2 + beta), e_l = B1 zeta_l for l < L. Backward from mu_L = 0: pi_l = mu_{l+1} (w_{l+1} + r_{l+1}) + "
    "|M_{l+1}| r_{l+1}, mu_l = B1 pi_l + B2 colmax(P_l) zeta_l, colmax the largest norm of a column. beta_l = "
    "sqrt(|h_{l-1}|^2 + beta) mu_l + e_{l-1} (|M_l| + mu_l). Then |J_g(theta) - J_g(theta_0)| <= Omega, Omega^2 = sum over "
    "inputs and layers of beta_l^2. It increases in every budget r_l.",
    hypotheses=("A.network.feedforward", "A.activation"),
    conclusion=sp.Le(sym("J_change"), Omega, evaluate=False),
    direction="upper",
    formulas={
        "zeta": _zeta,
        "e": B1 * zeta,
        "pi": _pi,
        "mu": _mu,
        "beta": _block,
        "Omega": sp.sqrt(Omega**2 + block**2),
    },
    reads={
        "zeta": "bound of the change of the pre-activation z_l",
        "e": "bound of the change of h_l, l < L, which is e_prev of layer l + 1",
        "pi": "bound of the change of P_l (spectral norm)",
        "mu": "bound of the change of M_l (spectral norm)",
        "beta": "bound of the change of the block of layer l",
        "Omega": "the modulus with one more block, from what it was without (0 for none)",
    },
    uses=("deep.gram",),
    proof_uses=("deep.gram",),
    cites=("liu2020",),
    proof="A tilde marks the values at theta. z~ - z = W~ (h~ - h) + (W~ - W) h + (b~ - b), where |W~| <= w + r and, by "
    "Cauchy-Schwarz, |(W~ - W) h + (b~ - b)| <= r sqrt(|h|^2 + beta). |phi(z~) - phi(z)| <= B1 |z~ - z|. P~ - P = (M~ - M) "
    "W~ + M (W~ - W). M~ - M = (P~ - P) D~ + P (D~ - D) with |D~| <= B1, and |P (D~ - D)| is at most its Frobenius norm, "
    "at most colmax(P) |phi'(z~) - phi'(z)| <= colmax(P) B2 zeta. Block: [h~, beta^{1/2}] tensor M~ - [h, beta^{1/2}] "
    "tensor M = [h, beta^{1/2}] tensor (M~ - M) + [h~ - h, 0] tensor M~, |M~| <= |M| + mu. The squared norm of a matrix is "
    "at most the sum of those of its blocks.",
    obligations=(
        Obligation("forward: the change of z_l in three terms (2 x 2)", _product_rule("forward")),
        Obligation.inequality(
            "Cauchy-Schwarz: |dW| |h| + |db| <= sqrt(|dW|^2 + |db|^2) sqrt(|h|^2 + 1), squared",
            (x * h_prev + z) ** 2,
            (x**2 + z**2) * (h_prev**2 + 1),
            (x - z * h_prev) ** 2,
        ),
        Obligation("backward: P~ - P and M~ - M in two terms (2 x 2)", _product_rule("backward")),
        Obligation("|P E|_F^2 for a diagonal E is the sum of |column|^2 e^2 (2 x 2)", _frobenius),
        Obligation.inequality(
            "which is at most colmax^2 |e|^2, for columns of norms c and c + z",
            c**2 * h_prev**2 + (c + z) ** 2 * x**2,
            (c + z) ** 2 * (h_prev**2 + x**2),
            ((c + z) ** 2 - c**2) * h_prev**2,
        ),
        Obligation("block: the change in two terms (2 x 2)", _product_rule("block")),
        Obligation(
            "without motion nothing changes: r_l = e = mu = 0 gives zeta = pi = mu = beta = 0",
            _zeta.subs({r_l: 0, e_prev: 0}) ** 2
            + _pi.subs({mu_next: 0, r_next: 0}) ** 2
            + _mu.subs({pi_l: 0, zeta: 0}) ** 2
            + _block.subs({mu_l: 0, e_prev: 0}) ** 2,
        ),
    ),
    tight="Crude, the more so the deeper. Measured over random tanh networks and random directions, the largest change over "
    "Omega(r): 0.5 with two layers, 0.3 with three, 0.07 with four (medians 0.2, 0.05, 0.007). The least upper bound over "
    "budgets with sum r_l^2 = r^2 is 1.6 to 5 times smaller than r_l = r (measured).",
    mutants=MUTANTS["deep.modulus"],
    constants=CONSTANTS["deep.modulus"],
)

OUTPUT_BIAS = Statement(
    id="deep.output_bias",
    kind="lemma",
    origin="known",
    title="A trained output bias makes the Jacobian trivially nondegenerate",
    text=FEEDFORWARD
    + "With one input and a trained bias b_L of the last layer, J_g J_g^T - I is positive semidefinite at "
    "every theta, so sigma_min(J_g) >= 1: convergence is then a property of the bias alone, at any width, and says nothing "
    "about the network. With several inputs it does not hold.",
    hypotheses=("A.network.feedforward",),
    conclusion=sp.Ge(sym("sigma_theta"), 1, evaluate=False),
    direction="lower",
    formulas={"sigma_min": sp.sqrt(bias)},
    reads={"sigma_min": "lower bound of sigma_min(J_g) at every theta, one input: 1 with biases, 0 without"},
    uses=("deep.gram",),
    proof_uses=("deep.gram",),
    proof="M_L = I, so the term l = L of deep.gram is (|h_{L-1}|^2 + 1) I, and the others are positive semidefinite. N "
    "inputs with the same h_{L-1} get the same bias: the Gram matrix of the bias alone has rank n < n N.",
    tight="Attained at theta = 0 if phi(0) = 0: there h_{L-1} = 0 and M_l = 0 for l < L.",
    mutants=MUTANTS["deep.output_bias"],
    constants=CONSTANTS["deep.output_bias"],
)

ITEMS: Final = (GRAM, MODULUS, OUTPUT_BIAS)
