"""The assumptions of the theorems: what an instance satisfies, fails, or leaves unknown (`A.*`)."""

from __future__ import annotations

from typing import Final

import sympy as sp

from theory.statement import Hypothesis
from theory.symbols import sym

FLOW: Final = (
    "Inverse problem y = F(xbar) + noise, ybar = F(xbar), generator g with parameters theta, loss L_y. Gradient flow "
    "theta' = -grad_theta L_y(F(g(theta))), theta(0) = theta_0; x(t) = g(theta(t)), y(t) = F(x(t)), J_g(t) the "
    "Jacobian of g at theta(t). sigma_0 = sigma_min(J_g(0)), sigma_F the smallest nonzero singular value of J_F over "
    "the visited signals, rho(t) = psi(L_y(y(t))), rho_0 = rho(0), ell(t) the length of the path of theta up to t. "
)
"""Notation of every statement on the flow, put in front of its text so that it can be reviewed alone."""

TWO_LAYER: Final = (
    "Two-layer network g = V phi(a)/sqrt(k), a = W u, |u| = 1, V of size n x k with columns v_i, D_a = diag phi'(a), "
    "f = |phi(a)|/sqrt(k). Trained are either W alone (V fixed) or both. "
)
"""Notation of every statement on the two-layer network."""

FEEDFORWARD: Final = (
    "Feedforward network with L layers: h_0 = u, z_l = W_l h_{l-1} + b_l, h_l = phi(z_l) for l < L, output g = z_L; beta = "
    "1 if the b_l are trained, else 0 (b_l fixed). M_l is the derivative of g by z_l: M_L = I, M_l = P_l diag phi'(z_l) "
    "with P_l = M_{l+1} W_{l+1}. With several inputs g stacks their outputs. "
)
"""Notation of every statement on feedforward networks."""

ITEMS: Final = (
    Hypothesis(
        "A.loss.smooth",
        "Smooth loss",
        "The loss L_y is continuously differentiable and its gradient is Lipschitz on bounded sets.",
        cites=("buskulic2024",),
    ),
    Hypothesis("A.loss.min", "Minimum zero", "The minimum of the loss L_y is 0.", cites=("buskulic2024",)),
    Hypothesis(
        "A.loss.unique",
        "Unique minimizer",
        "The observation y is the only minimizer of the loss L_y.",
        cites=("buskulic2024",),
    ),
    Hypothesis("A.loss.convex", "Convex loss", "The loss L_y is convex. Assumed only where it is named.", origin="new"),
    Hypothesis(
        "A.loss.KL",
        "Kurdyka-Lojasiewicz inequality",
        "There are r0 > L_y(y(0)) and psi: [0, r0) -> R_+, continuous, psi(0) = 0, continuously differentiable and "
        "increasing on (0, r0), such that psi'(L_y(v)) |grad L_y(v)| >= 1 wherever 0 < L_y(v) < r0.",
        cites=("buskulic2024", "bolte2010"),
    ),
    Hypothesis(
        "A.loss.least_squares",
        "Least squares, possibly weighted",
        "L_y(v) = (v-y)^T W (v-y)/2 with W symmetric positive definite, w_min its smallest eigenvalue (W = I: plain "
        "least squares, w_min = 1). Then psi(s) = sqrt(2 s / w_min) is desingularizing, globally.",
        origin="known",
    ),
    Hypothesis(
        "A.loss.plain_least_squares",
        "Plain least squares",
        "L_y(v) = |v-y|^2/2, so that psi(s) = sqrt(2 s) and rho is the norm of the residual.",
        origin="known",
    ),
    Hypothesis(
        "A.loss.analytic",
        "Analytic data",
        "The loss L_y, the operator F and the activation phi are real analytic, and the Kurdyka-Lojasiewicz inequality "
        "of the loss holds globally (r0 = infinity).",
        origin="new",
    ),
    Hypothesis(
        "A.loss.concave_psi",
        "Concave desingularizing function",
        "The function psi of the Kurdyka-Lojasiewicz inequality (A.loss.KL) is concave, so that psi(s) <= psi(l) + "
        "psi'(l)(s - l). Every psi(s) = c s^alpha with alpha <= 1 is. Used for steps of finite size only.",
        origin="known",
    ),
    Hypothesis(
        "A.activation",
        "Smooth activation",
        "The activation phi is continuously differentiable, |phi'| <= B1, and phi' is Lipschitz with constant B2. "
        "ReLU fails it.",
        cites=("buskulic2024",),
    ),
    Hypothesis(
        "A.activation.star_shaped",
        "Star-shaped activation",
        "phi(0) = 0, |phi(x)| is nondecreasing and |phi(x)/x| is nonincreasing in |x| on either side (tanh, erf, "
        "identity).",
        origin="new",
    ),
    Hypothesis(
        "A.operator.smooth",
        "Smooth operator",
        "F is continuously differentiable and its Jacobian J_F is locally Lipschitz.",
        cites=("buskulic2024",),
    ),
    Hypothesis("A.operator.linear", "Linear operator", "F(x) = A x with a matrix A of size m x n.", origin="known"),
    Hypothesis(
        "A.operator.nondegenerate",
        "Nonzero singular values stay away from zero",
        "sigma_F > 0: the infimum, over the signals that can be visited, of the smallest nonzero singular value of J_F "
        "(linear F = A: the smallest nonzero singular value of A).",
        relation=sp.Gt(sym("sigma_F"), 0, evaluate=False),
        cites=("buskulic2024",),
    ),
    Hypothesis(
        "A.operator.range",
        "Gradient of the loss in the range",
        "For v = F(x) with x in the reachable set, grad L_y(v) is in the image of J_F(x). For least squares with "
        "linear A it is enough that y is in the image of A; otherwise y is replaced by its orthogonal projection on "
        "that image (and the noise by its projection), which leaves the flow of plain least squares unchanged. "
        "Wherever this is assumed together with A.loss.KL, A.operator.range.radial may take its place.",
        cites=("buskulic2024",),
    ),
    Hypothesis(
        "A.operator.range.radial",
        "Range condition along the residual",
        "Linear A, y in the image of A, and psi'(L_y(v)) <v - y, grad L_y(v)> >= |v - y| for all v != y with "
        "L_y(v) < r0. Then psi'(L_y(v)) |A^T grad L_y(v)| >= sigma_F for v in the image of A, which is all that the "
        "proofs take from A.operator.range together with A.loss.KL: with r = v - y in the image of A, "
        "|A^T grad| >= sigma_F |Pi grad| >= sigma_F <r, grad>/|r|, Pi the projection on the image. Every loss of "
        "the library satisfies it (kl.*), with psi' <r, grad L> >= psi(L) >= |r|; weighted least squares: psi' <r, W r> = "
        "sqrt(2 L / w_min) >= |r|.",
        origin="new",
    ),
    Hypothesis(
        "A.init",
        "Nondegenerate initialization",
        "J_g(0) has full row rank n, that is sigma_0 > 0 (so there are at least n parameters).",
        relation=sp.Gt(sym("sigma_0"), 0, evaluate=False),
        cites=("buskulic2024",),
    ),
    Hypothesis(
        "A.generator.smooth",
        "Smooth generator",
        "The generator g is continuously differentiable with locally Lipschitz Jacobian J_g.",
        cites=("buskulic2024",),
    ),
    Hypothesis(
        "A.generator.lipschitz",
        "Lipschitz Jacobian on a ball",
        "Lip bounds the Lipschitz constant of J_g on the ball B(theta_0, R), and R Lip <= sigma_0/2. (R and Lip are "
        "mutually defined; the largest such R is the best.)",
        cites=("buskulic2024",),
    ),
    Hypothesis(
        "A.generator.modulus",
        "Centre modulus",
        "Omega is nondecreasing, Omega(0) = 0, and |J_g(theta) - J_g(theta_0)| <= Omega(r) whenever "
        "|theta - theta_0| <= r, for all r <= ell_star. Only distances from the centre theta_0 are compared.",
        origin="sharp",
    ),
    Hypothesis(
        "A.generator.linear_modulus",
        "Linear centre modulus",
        "|J_g(theta) - J_g(theta_0)| <= Lambda |theta - theta_0| for all theta within ell_star of theta_0.",
        uses=("A.generator.modulus",),
        origin="sharp",
    ),
    Hypothesis(
        "A.gradient_lipschitz",
        "Lipschitz gradient of the objective on a ball",
        "The gradient of the objective l = L_y o F o g is Lipschitz with constant M on the ball of radius ell_star around "
        "theta_0, where ell_star = S^{-1}(rho_0/(nu sigma_F)) bounds the length of the path of gradient descent, nu = 1 - "
        "gamma M/2 (the flow's length bound, nu = 1, is too small). M and the radius define each other: choose a radius, "
        "bound M on it, choose the step, check that ell_star is at most the radius.",
        origin="known",
    ),
    Hypothesis(
        "A.step",
        "Step of gradient descent",
        "The step gamma of gradient descent satisfies 0 < gamma < 2/M, M the Lipschitz constant of A.gradient_lipschitz. "
        "Equivalently nu = 1 - gamma M/2 is in (0, 1).",
        relation=sp.Lt(sym("gamma"), 2 / sym("M"), evaluate=False),
        cites=("buskulic2024gd",),
    ),
    Hypothesis(
        "A.network.feedforward",
        "Feedforward network",
        FEEDFORWARD + "All W_l, and all b_l if there are biases, are trained.",
        origin="known",
    ),
    Hypothesis(
        "A.injective",
        "Restricted injectivity",
        "Sigma is the set of signals g(theta) for theta in the ball in question, xbar_Sigma a point of it nearest to "
        "xbar, and mu = inf |F(x) - F(xbar_Sigma)| / |x - xbar_Sigma| over x in Sigma, x != xbar_Sigma, is positive.",
        relation=sp.Gt(sym("mu"), 0, evaluate=False),
        cites=("buskulic2024",),
    ),
    Hypothesis(
        "A.network.two_layer",
        "Two-layer network with one input",
        TWO_LAYER + "The input u is fixed.",
        cites=("buskulic2024",),
    ),
    Hypothesis(
        "A.network.both", "Both layers trained", "Both W and V follow the gradient flow.", cites=("buskulic2024",)
    ),
    Hypothesis(
        "A.network.W",
        "First layer trained",
        "Only W follows the gradient flow; V stays at its initial value.",
        cites=("buskulic2024",),
    ),
    Hypothesis(
        "A.network.random",
        "Random initialization",
        "u is uniform on the unit sphere; W has independent standard Gaussian entries, so that a = W u is a standard "
        "Gaussian vector of R^k; V is independent of W, with independent, identically distributed, centred columns of "
        "identity covariance and entries bounded by D_V (Rademacher: D_V = 1; uniform: sqrt(3)).",
        cites=("buskulic2024",),
    ),
    Hypothesis(
        "A.network.sub_gaussian",
        "Sub-Gaussian second layer",
        "The entries of V are independent, centred and sub-Gaussian with variance proxy 1: E exp(c V_ij) <= exp(c^2/2) "
        "for all real c (Rademacher, uniform on [-sqrt 3, sqrt 3], standard Gaussian).",
        origin="known",
    ),
    Hypothesis(
        "A.network.symmetric",
        "Centred second layer that sees every direction",
        "The columns of V are independent of each other and of W, identically distributed, centred, of identity "
        "covariance, and "
        "E|<v, p>| >= c_1 > 0 for every unit vector p. Independent, symmetric entries of variance 1 have it with c_1 = "
        "E|v_ij|/sqrt 2 (Rademacher 1/sqrt 2), the standard Gaussian with sqrt(2/pi).",
        relation=sp.Gt(sym("c_1"), 0, evaluate=False),
        origin="known",
    ),
    Hypothesis(
        "A.network.regular_start",
        "Start away from the zeros of phi'",
        "phi'(a_i(0)) != 0 for every neuron i. I_i denotes the open interval between zeros of phi' that contains "
        "a_i(0).",
        origin="new",
    ),
    Hypothesis(
        "A.noise.positive",
        "Noise present",
        "The observation is noisy: eps = |y - ybar| > 0.",
        relation=sp.Gt(sym("eps"), 0, evaluate=False),
        cites=("buskulic2024",),
    ),
    Hypothesis(
        "A.noise.none",
        "Attainable data",
        "There is no noise (y = A xbar), or xbar stands for any signal with y = A xbar.",
        origin="new",
    ),
    Hypothesis(
        "A.stop.tau",
        "Discrepancy factor",
        "The factor of the discrepancy principle satisfies tau > 1.",
        relation=sp.Gt(sym("tau"), 1, evaluate=False),
        origin="known",
    ),
)
