"""The loss as a descent sees it: a function of x = V φ(a)/√k (or of v = B φ(a), W only), with its gradient.

A quadratic loss of a linear image is put in diagonal form first.  With weights w, √w C = U S Qᵀ and V̂ = QᵀV,

    ½‖√w (C x − y)‖² = ½‖S Qᵀx − Uᵀ√w y‖² + ½‖(I − U Uᵀ)√w y‖²,

and descent on V is descent on V̂, V changing by Q times the change of V̂ (`dip2.reduction` once more): a step costs
O(p k) whatever m.  Other losses are not invariant under rotations and keep C.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from numerics.reduced import ReducedProblem
from theory.symbols import sym

__all__ = ["General", "Objective", "Quadratic", "is_quadratic", "objective", "stable_step"]

Array = NDArray[np.float64]
QUADRATIC = ("least_squares", "weighted_least_squares")


class Objective(Protocol):
    """What the NumPy step needs: see :class:`Quadratic` and :class:`General`."""

    V0: Array
    root: float

    def evaluate(self, x: Array) -> tuple[float, float, Array]:
        """(loss, ‖v − y‖, q) with q the gradient of the loss with respect to x, shape (p,)."""

    def recover(self, V: Array) -> Array:
        """The V of the problem, given that of the objective."""


@dataclass(frozen=True, eq=False)
class Quadratic:
    """½‖s∘x − y‖² + loss_offset for x = V φ(a)·root.

    s, y: shape (p,).  V0: shape (p, k); with W only it holds diag(s) V̂ and s is 1, as V never moves.
    form, tilt, residual2_offset: ‖v − y‖² = r·form r + 2 tilt·r + offset with r = s∘x − y; form of shape (0, 0) stands for
    twice the loss (equal weights).
    Q: shape (p of the problem, p), orthonormal; V = V0 of the problem + Q (V̂ − V̂0).
    """

    problem: ReducedProblem
    s: Array
    y: Array
    V0: Array
    root: float
    loss_offset: float
    form: Array
    tilt: Array
    residual2_offset: float
    Q: Array | None

    @classmethod
    def of(cls, problem: ReducedProblem) -> Quadratic:
        """The diagonal form of a problem with (weighted) least squares."""
        weights = problem.loss.weights
        scale = np.ones(problem.y.size) if weights is None else np.sqrt(weights)
        target = scale * problem.y
        U: Array | None = None
        Q: Array | None = None
        if problem.C.ndim == 1:
            s, V0 = scale * problem.C, problem.V0
        else:
            U, s, Qt = np.linalg.svd(scale[:, None] * problem.C, full_matrices=False)
            Q, V0 = Qt.T, Qt @ problem.V0
        y = target if U is None else U.T @ target
        apart = np.zeros_like(target) if U is None or U.shape[0] == U.shape[1] else target - U @ y
        form, tilt, residual2 = np.zeros((0, 0)), np.zeros(y.size), float(apart @ apart)
        if weights is not None:  # v − y = W^{-1/2}(U r − apart)
            basis = np.eye(y.size) if U is None else U
            form = basis.T @ (basis / weights[:, None])
            tilt = -basis.T @ (apart / weights)
            residual2 = float(apart @ (apart / weights))
        root = 1 / math.sqrt(problem.k)
        if problem.train == "W":
            s, V0 = np.ones_like(s), s[:, None] * V0 * root
            root = 1.0
        return cls(problem, s, y, np.ascontiguousarray(V0), root, 0.5 * float(apart @ apart), form, tilt, residual2, Q)

    def evaluate(self, x: Array) -> tuple[float, float, Array]:
        """(loss, ‖v − y‖, q)."""
        r = self.s * x - self.y
        loss = self.loss_offset + 0.5 * float(r.dot(r))
        if self.form.size == 0:
            return loss, math.sqrt(2 * loss), self.s * r
        squares = self.residual2_offset + float(r.dot(self.form.dot(r))) + 2 * float(self.tilt.dot(r))
        return loss, math.sqrt(max(squares, 0.0)) if squares == squares else squares, self.s * r

    def recover(self, V: Array) -> Array:
        """V̂0 + Q(V̂ − V̂0): the part of V that C does not see stays."""
        if self.problem.train == "W":
            return self.problem.V0
        return V if self.Q is None else self.problem.V0 + self.Q @ (V - self.V0)


@dataclass(frozen=True, eq=False)
class General:
    """Any loss: v = C x; with W only V0 is B = C V̂/√k and v = x."""

    problem: ReducedProblem
    V0: Array = field(init=False)
    root: float = field(init=False)

    def __post_init__(self) -> None:
        problem, root = self.problem, 1 / math.sqrt(self.problem.k)
        inner = problem.train == "W"
        object.__setattr__(self, "V0", problem.forward(problem.V0) * root if inner else problem.V0)
        object.__setattr__(self, "root", 1.0 if inner else root)

    def evaluate(self, x: Array) -> tuple[float, float, Array]:
        """(loss, ‖v − y‖, q)."""
        problem = self.problem
        inner = problem.train == "W"
        v = x if inner else problem.forward(x)
        loss = float(problem.loss.value(v, problem.y))
        r = v - problem.y
        gradient = problem.loss.grad(v, problem.y)
        return loss, math.sqrt(float(r.dot(r))), gradient if inner else problem.adjoint(gradient)

    def recover(self, V: Array) -> Array:
        """V itself."""
        return self.problem.V0 if self.problem.train == "W" else V


def is_quadratic(problem: ReducedProblem) -> bool:
    """Whether the loss is (weighted) least squares."""
    return problem.loss.name in QUADRATIC


def objective(problem: ReducedProblem) -> Quadratic | General:
    """The form in which descent is run."""
    return Quadratic.of(problem) if is_quadratic(problem) else General(problem)


def stable_step(problem: ReducedProblem) -> float:
    """The largest step that is stable near the start, as far as the linearization tells: 2/λmax(J Jᵀ), inf if J = 0.

    J is the Jacobian of v at the start, of √w v for weighted least squares; for the other losses the quotient is divided
    by the Lipschitz constant of ∇L on the ball of the initial residual (times the largest weight).  An estimate: λmax changes
    along the run.

    >>> from numerics.activations import activation
    >>> from numerics.losses import loss
    >>> one = np.ones((1, 1))
    >>> problem = ReducedProblem(one, np.ones(1), loss("least_squares"), activation("identity"), "W", np.zeros(1), one)
    >>> stable_step(problem)
    2.0
    """
    top = float(kernel_spectrum(problem)[-1])
    if not is_quadratic(problem):
        start = General(problem)
        _, residual, _ = start.evaluate(start.V0 @ problem.activation.phi(problem.a0) * start.root)
        constant = problem.loss.theory.gradient_lipschitz
        if constant is None:
            return math.nan
        top *= float(constant.subs(sym("r"), residual))
        top *= 1.0 if problem.loss.weights is None else float(problem.loss.weights.max())
    return 2.0 / top if top > 0 else math.inf


def kernel_spectrum(problem: ReducedProblem) -> Array:
    """Eigenvalues of J Jᵀ at the start in ascending order, as many as min(m, p); see :func:`stable_step`."""
    phi, dphi = problem.activation.phi(problem.a0), problem.activation.dphi(problem.a0)
    if is_quadratic(problem):
        form = Quadratic.of(problem)
        image, root, outer = form.s[:, None] * form.V0, form.root, np.diag(form.s * form.s)
    else:
        start = General(problem)
        root, C = start.root, np.diag(problem.C) if problem.C.ndim == 1 else problem.C
        image, outer = (start.V0 if problem.train == "W" else problem.forward(start.V0)), C @ C.T
    slopes = image * (dphi * root)
    gram = slopes @ slopes.T
    if problem.train == "both":
        gram += float(phi @ phi) * root * root * outer
    return np.asarray(np.linalg.eigvalsh(gram), dtype=np.float64)
