"""The theorems of which certificates consist, word for word, and what is assumed in all of them."""

SETTING = """
Setting: the doubles of the problem, read as exact real numbers. g(theta) = V phi(a)/sqrt(k), the trained parameters
theta being (a, V) or a alone (with a = W u, |u| = 1, the flow of (V, W) or W is that of (V, a) or a). Loss L = 1/2
sum_i w_i (T g - y)_i^2, w_i > 0, all w_i = 1 for least squares, w_min the least; T = C R, or R, or C, or the identity,
C of full column rank, R of full row rank. theta(t) is the gradient flow theta' = -grad L from the stored theta,
whatever produced it. If C is present, y stands for its orthogonal projection on Im T (the flow is the same). rho(t) =
sqrt(2 L/w_min) >= |T g - y|, rho_0 >= rho(0); sigma_F > 0 is at most the smallest nonzero singular value of T; sigma_0
> 0 at most that of U'J_g(0), U an orthonormal basis of Im T'; |phi'| <= B1, phi' is B2-Lipschitz, c >= |U'v_i| for all
columns v_i of V. Lambda(c) = (B2 c + sqrt(B2^2 c^2 + 4 B1^2))/(2 sqrt k) if V is trained, B2 c/sqrt k if not.
"""
END = """
If a stop is stated, |T g(theta(t)) - y| <= level for every t >= time. REFUTED means that the condition is false, and
nothing about the flow itself.
"""
_THEOREMS = {
    "sharp.condition": """
    Theorem: let h = Lambda(c) rho_0/(sigma_F sigma_0^2) < 1/2. Then the flow exists for all time, tends to a theta of
    zero loss, its path is at most ell_star = 2 rho_0/(sigma_F (sigma_0 + sigma_0 sqrt(1 - 2h))) long, and rho(t) <=
    rho_0 exp(-rate t), rate = w_min sigma_F^2 sigma_0^2 (1 - 2h). With a = rate/w_min, b = 2 sigma_F Lambda: rho(t) <=
    level for t >= time = max(0, ln(rho_0 (a + b level)/(level (a + b rho_0)))/rate).
    """,
    "baseline.condition": """
    Theorem: let R' = 2 rho_0/(sigma_F sigma_0) and R' Lip < sigma_0/2, Lip = Lambda(c + R') if V is trained, Lambda(c)
    if not. Then the flow exists for all time, stays within R' of its start, tends to a theta of zero loss, and rho(t)
    <= rho_0 exp(-rate t), rate = w_min sigma_F^2 sigma_0^2/4.
    """,
    "dip2.amgm": """
    Both layers are trained, f = |phi(a)|/sqrt k at the start. Theorem: let rho_0 < sigma_F sqrt(k) f^2/B1. Then the
    flow exists for all time and tends to a theta of zero loss; with s_star^2 = f^2 - B1 rho_0/(sigma_F sqrt k),
    |phi(a(t))|/sqrt k >= s_star, the path is at most rho_0/(sigma_F s_star) long, and rho(t) <= rho_0 exp(-rate t),
    rate = w_min sigma_F^2 s_star^2.
    """,
    "recover.kernel": """
    Let x = s g, A = T/s, xbar the signal, P the orthogonal projection on ker A, Q = I - P, K_0 = J_g(0) J_g(0)', c =
    max |v_i|, Lambda = Lambda(c), eps >= |y - A xbar|. Theorem: if h = Lambda rho_0/(sigma_F sigma_0^2) < 1/2, then
    with ell = 2 rho_0/(sigma_F (sigma_0 + sigma_0 sqrt(1 - 2h))) and drift = integral over r in [0, ell] of (|P K_0 Q|
    + Lambda r (2 |J_g(0)| + Lambda r))/(sigma_0 - Lambda r) (0 if A is injective), |x(t) - xbar| <= s sqrt(((rho(t) +
    eps)/sigma_F)^2 + (|P(g(0) - xbar/s)| + drift)^2) for all t, and the limit of x(t) is within `limit` of xbar, the
    same with rho = 0. `vacuous`: limit is not proved to be below |xbar|.
    """,
    "baseline.recovery": """
    Let x = s g, A = T/s injective, xbar the signal, eps >= |y - A xbar|. Theorem: if R' Lip < sigma_0/2 as in
    baseline.condition, the distance of xbar/s from the signals g(theta) of the ball of radius R' around the start is at
    most dist = max(0, |xbar/s - g(0)| - (sigma_0 R' - Lambda(c) R'^2/2)), and the limit of x(t) is within limit = s ((1
    + |T|/sigma_F) dist + eps/sigma_F) of xbar. `vacuous`: limit is not proved to be below |xbar|.
    """,
    "wonly.threshold": """
    Only a is trained, T has full row rank, phi' > 0. Theorem: the loss tends to its infimum over the h of the open box
    phi(R)^k put in place of phi(a). Here some h of the open box has T V h/sqrt k = y exactly (a point hbar of the box
    at least gap from its boundary with |T V hbar/sqrt k - y| < sigma_min(T V/sqrt k) gap is given): the loss tends to
    zero.
    """,
}
#: Theorems of convergence with a rate: a stop may be stated, and their conditions can be refuted.
TIMED = ("sharp.condition", "baseline.condition", "dip2.amgm")
CONVERGENCE = (*TIMED, "wonly.threshold")
STATEMENTS: dict[str, str] = {
    name: " ".join((SETTING + text + (END if name in TIMED else "")).split()) + " " for name, text in _THEOREMS.items()
}
TOOLKIT: dict[str, str] = {  # the same statements in the toolkit's registry
    "sharp.condition": "sharp.condition sharp.length sharp.rate sharp.logistic sharp.stop sharp.restart dip2.gram "
    "dip2.reduction dip2.modulus dip2.range_restriction",
    "baseline.condition": "baseline.condition baseline.loss_rate baseline.early_stop dip2.lipschitz dip2.range_restriction",
    "dip2.amgm": "dip2.amgm dip2.reduction dip2.gram",
    "recover.kernel": "recover.kernel sharp.condition dip2.range_restriction",
    "baseline.recovery": "baseline.recovery recover.reach baseline.condition",
    "wonly.threshold": "wonly.threshold wonly.mirror",
}
ASSUMPTIONS: tuple[str, ...] = (
    "The stored doubles are the numbers meant: they are read as exact real numbers.",
    "The network's input is a unit vector (|u| = 1): the flow of the weights is that of the pre-activations a.",
    "The statements are about gradient flow in continuous time, not about gradient descent in floating point.",
)
