"""`reduce`: the reduced problem of a network behind a linear operator; `Reduction`: the way back, exactly.

Two forms of A = U S Qᵀ with V̂ = QᵀV (p × k); the flow, and gradient descent, of (a, V̂) are those of θ in both:

    rotated:  C = diag(S), ŷ = Uᵀy.  Exact where L depends on the norm of the residual alone (after whitening: see
              :mod:`numerics.reduction.invariance`), and for every loss where U is ± the identity.
    reduced:  C = U S (m × p), y as it is.  Exact for every loss.

Data outside Im A.  With c = ‖(I − UUᵀ)y‖, ‖v − y‖² = ‖S V̂φ/√k − ŷ‖² + c².  If the loss is a multiple of this, c adds
a constant to it, `Reduction.offset`, and the flow does not see it.  If it is another function of it, as ‖v − y‖^p, then
c changes the speed: it stays in ŷ as one more datum, seen by a row of V̂ that is 0, has the singular value 0 and never
moves (`Reduction.frozen` = 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from numerics.losses import CompiledLoss
from numerics.losses import loss as make_loss
from numerics.networks.two_layer import TwoLayer
from numerics.operators.base import MAX_DENSE, ForwardOperator, as_operator
from numerics.operators.dense import DenseOperator
from numerics.operators.spectral import Factorization
from numerics.reduced import ReducedProblem
from numerics.reduction.invariance import radial
from numerics.reduction.laws import Law, Stored
from numerics.reduction.sampling import check_input

Array = NDArray[np.float64]
Form = Literal["rotated", "reduced"]
_OUTSIDE = 1e-13  # of ‖y‖: a part of y outside Im A that is smaller is rounding


@dataclass(frozen=True, eq=False)
class Reduction:
    """A reduced problem, where it came from, and the way back.

    States are given as `a`, shape (k,), and `V`, the reduced weights V̂, shape (p + frozen, k), or None where they are
    V̂(0) (W only): what :class:`numerics.trajectory.Trajectory` stores.

    Attributes
    ----------
    problem: minimize its loss over (a, V̂) from (a0, V̂0).
    form: "rotated" or "reduced"; reason: why.
    basis: U, S and Q of A, or of D A where the data are whitened.
    law: the network at θ(0).
    loss, y: as they were given.
    whitening: the diagonal D, shape (m,); None: no whitening.  Losses are the same, residuals are those of D(v − y).
    offset: L_y(v) = loss of `problem` + offset.
    outside: ‖(I − UUᵀ)D y‖, the residual that no signal can remove.
    frozen: rows of V̂ that hold no weights (0 or 1).
    """

    problem: ReducedProblem
    form: Form
    reason: str
    basis: Factorization
    law: Law
    loss: CompiledLoss
    y: Array
    whitening: Array | None
    offset: float
    outside: float
    frozen: int

    def describe(self) -> str:
        """One line for reports."""
        p, k = self.problem.p, self.problem.k
        moving = f"{p} x {k} + {k}" if self.problem.train == "both" else f"{k}"
        return f"{self.form}: {self.basis.describe()}: {self.reason}; state {moving}"

    # ------------------------------------------------------------------------------------------------ the way back
    def signal(self, a: Array, V: Array | None = None) -> Array:
        """g(θ) = Vφ(a)/√k, shape (n,): V(0)h + Q(V̂ − V̂(0))h with h = φ(a)/√k, what A does not see included.

        O(nk) for V(0)h and one transform.  Synthesis and output scale are the caller's: x = S(s g).
        """
        hidden = self._hidden(a)
        x = self.law.output(hidden)
        if V is not None:
            moved = self._weights(V) @ hidden - self.problem.V0 @ hidden
            x = x + self.basis.synthesize(moved[: self._p])
        return x

    def data(self, a: Array, V: Array | None = None) -> Array:
        """v = A g(θ), shape (m,), without a signal being formed."""
        coordinates = (self._weights(V) @ self._hidden(a))[: self._p]
        v = self.basis.left(self.basis.singular_values() * coordinates)
        return v if self.whitening is None else v / self.whitening

    def weights(self, V: Array, start: int = 0, stop: int | None = None) -> Array:
        """Columns start to stop of the full V(t) = V(0) + Q(V̂ − V̂(0)), shape (n, stop − start)."""
        stop = self.problem.k if stop is None else stop
        moved = (self._weights(V) - self.problem.V0)[: self._p, start:stop]
        return self.law.columns(start, stop) + self.basis.synthesize(moved)

    def inner(self, a: Array, W0: Array, u: Array) -> Array:
        """W(t) = W(0) + (a − a(0))uᵀ, shape (k, d), for W(0) u = a(0) (see :func:`numerics.reduction.complete`)."""
        check_input(u)
        if W0.shape != (self.problem.k, u.size) or not np.allclose(W0 @ u, self.problem.a0, rtol=1e-10, atol=1e-10):
            raise ValueError(f"W0 {W0.shape} must be a {self.problem.k} × {u.size} matrix with W0 u = a(0)")
        return W0 + np.outer(a - self.problem.a0, u)

    def distance(self, a: Array, V: Array | None = None) -> float:
        """‖θ − θ(0)‖ of the full parameters (W, V)."""
        moved = 0.0 if V is None else float(np.linalg.norm(self._weights(V) - self.problem.V0))
        return math.hypot(float(np.linalg.norm(a - self.problem.a0)), moved)

    def value(self, a: Array, V: Array | None = None) -> float:
        """L_y(A g(θ)), the loss as it was given."""
        return float(self.loss.value(self.data(a, V), self.y))

    # ------------------------------------------------------------------------------------------- levels of stopping
    def loss_level(self, level: float) -> float:
        """The loss of `problem` where L_y is `level`.

        ValueError where the data outside Im A keep it from getting there.
        """
        reached = level - self.offset
        if level > 0 >= reached:
            raise ValueError(
                f"the loss cannot come down to {level:.6g}: the part of y outside Im A leaves {self.offset:.6g}; "
                "stop earlier, or project y on Im A"
            )
        return max(0.0, reached)

    def residual_level(self, level: float) -> float:
        """The residual norm of `problem` where ‖D(v − y)‖ is `level`; ValueError as for :meth:`loss_level`."""
        if level > 0 and level <= self.outside:
            raise ValueError(
                f"the residual cannot come down to {level:.6g}: the part of y outside Im A has norm "
                f"{self.outside:.6g}; stop earlier, or project y on Im A"
            )
        outside = 0.0 if self.frozen or self.form == "reduced" else self.outside
        return math.sqrt(max(0.0, (level - outside) * (level + outside)))

    # ---------------------------------------------------------------------------------------------------- machinery
    @property
    def _p(self) -> int:
        return self.problem.p - self.frozen

    def _hidden(self, a: Array) -> Array:
        if a.shape != (self.problem.k,):
            raise ValueError(f"a has shape {a.shape}; the network has {self.problem.k} neurons")
        return self.problem.activation.phi(a) / math.sqrt(self.problem.k)

    def _weights(self, V: Array | None) -> Array:
        start = self.problem.V0
        if V is None:
            return start
        if V.shape != start.shape:
            raise ValueError(f"V has shape {V.shape}; the reduced weights have {start.shape}")
        return V


def reduce(
    operator: Any,
    y: Array,
    network: TwoLayer | Law,
    loss: CompiledLoss,
    *,
    form: Literal["auto", "rotated", "reduced"] = "auto",
) -> Reduction:
    """The exact reduction of fitting y by the network behind a linear operator.

    Parameters
    ----------
    operator: A, a :class:`~numerics.operators.ForwardOperator`, a matrix, anything that SciPy can apply, or a
        :class:`~numerics.operators.Factorization` of it.  Singular values below 1e-12 of the largest count as 0 where
        they come from a dense decomposition.
    y: shape (m,), float64.
    network: at θ(0); its V (n × k) may be known by its seed (:class:`numerics.reduction.Streamed`).
    loss: a compiled loss.
    form: "auto" takes the rotated form where it is exact; "reduced" keeps the data as they are, at the cost of a dense
        C (m × p); "rotated" is refused where it is not exact.

    Raises
    ------
    ValueError: shapes that do not fit, y not finite, a rotated form that does not exist, matrices that are too large.

    >>> import numpy as np
    >>> from numerics.activations import activation
    >>> net = TwoLayer(activation("tanh"), "both", np.ones(4), np.ones((3, 4)))
    >>> A = np.array([[1.0, 2.0, 2.0]])
    >>> reduce(A, np.ones(1), net, make_loss("least_squares")).problem.V0.shape
    (1, 4)
    """
    if form not in ("auto", "rotated", "reduced"):
        raise ValueError(f'form = {form!r}; it must be "auto", "rotated" or "reduced"')
    law: Law = Stored(network) if isinstance(network, TwoLayer) else network
    source = None if hasattr(operator, "analyze") else as_operator(operator)
    basis: Factorization = operator if source is None else source.factorization()
    m, n = basis.shape
    if not isinstance(y, np.ndarray) or y.shape != (m,) or y.dtype != np.float64 or not np.all(np.isfinite(y)):
        raise ValueError(f"y must be a float64 array of shape ({m},) without NaN or infinity: A has {m} rows")
    if law.n != n:
        raise ValueError(f"the network has {law.n} outputs, but the operator acts on {n} numbers")
    if loss.weights is not None and loss.weights.size != m:
        raise ValueError(f"there are {loss.weights.size} weights for {m} data")
    own = basis.sign is not None  # U = ±I, and losses are even: no rotation at all
    why_not = "" if own else _obstacle(loss, source, basis)
    if form == "rotated" and why_not:
        raise ValueError(f'the rotated form is not exact here: {why_not}; use form = "reduced"')
    if form == "reduced" or why_not:
        return _reduced(basis, y, law, loss, why_not or "as asked for")
    if own:
        reason = "the data are the coordinates of the operator itself"
        return _rotated(basis, y, law, loss, loss, None, reason)
    kind = radial(loss)
    assert kind is not None
    whitening, plain = kind.whitening(loss.weights), loss
    reason = "the loss depends on the norm of the residual alone"
    if whitening is not None:
        assert source is not None
        basis = DenseOperator(whitening[:, None] * source.matrix).factorization()
        reason += ", once whitened by the weights"
    if loss.weights is not None:
        plain = make_loss(loss.name, **loss.parameters)
    return _rotated(basis, y, law, loss, plain, whitening, reason)


def _obstacle(loss: CompiledLoss, source: ForwardOperator | None, basis: Factorization) -> str:
    """Why the rotated form is not exact, or cannot be had; empty where it can."""
    kind = radial(loss)
    (m, n), p = basis.shape, basis.singular_values().size
    if kind is None:
        return f"{loss.name} acts on every datum, not on the norm of the residual"
    if "m" in loss.parameters and p != m:
        return f"{loss.name} was made for {m} data, the rotated problem has {p}"
    if kind.whitening(loss.weights) is not None and (source is None or m * n > MAX_DENSE):
        return f"whitening by the weights needs the matrix, {m} × {n}, which " + (
            "a factorization does not have" if source is None else "is too large"
        )
    return ""


def _rotated(
    basis: Factorization, y: Array, law: Law, loss: CompiledLoss, plain: CompiledLoss, D: Array | None, reason: str
) -> Reduction:
    """C = diag(S), ŷ = UᵀD y, and what lies outside Im A: `plain` is the loss without the weights that D stands for."""
    target = y if D is None else D * y
    rotated = np.array(basis.left_adjoint(target), dtype=np.float64)
    sigma, V0 = np.array(basis.singular_values()), law.project(basis)
    outside, offset, frozen = 0.0, 0.0, 0
    if sigma.size < basis.shape[0]:
        outside = float(np.linalg.norm(target - basis.left(rotated)))
        if outside <= _OUTSIDE * float(np.linalg.norm(target)):
            outside = 0.0
    if outside > 0:
        kind = radial(loss)
        assert kind is not None
        if kind.additive:
            offset = float(plain.value([outside], [0.0]) - plain.value([0.0], [0.0]))
            reason += "; the part of y outside Im A adds a constant to it"
        else:
            frozen = 1
            rotated, sigma = np.append(rotated, outside), np.append(sigma, 0.0)
            V0 = np.vstack([V0, np.zeros((1, law.k))])
            reason += "; the part of y outside Im A is one more datum, which no weight reaches"
    problem = ReducedProblem(sigma, rotated, plain, law.activation, law.train, law.a0, V0)
    return Reduction(problem, "rotated", reason, basis, law, loss, y, D, offset, outside, frozen)


def _reduced(basis: Factorization, y: Array, law: Law, loss: CompiledLoss, reason: str) -> Reduction:
    """C = U S, m × p, everything else as it was."""
    sigma = basis.singular_values()
    if basis.shape[0] * sigma.size > MAX_DENSE:
        raise ValueError(
            f"the reduced form needs C = U S, {basis.shape[0]} × {sigma.size}, more than {MAX_DENSE:.2g} numbers "
            f"({reason}); use a loss that depends on the norm of the residual, or fewer data"
        )
    C = np.ascontiguousarray(basis.left(np.diag(sigma)))
    problem = ReducedProblem(C, y, loss, law.activation, law.train, law.a0, law.project(basis))
    outside = float(np.linalg.norm(y - basis.left(basis.left_adjoint(y)))) if sigma.size < basis.shape[0] else 0.0
    return Reduction(problem, "reduced", reason, basis, law, loss, y, None, 0.0, outside, 0)
