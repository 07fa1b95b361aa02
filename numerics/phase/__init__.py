"""Phase diagrams: on which fraction of random instances does training reach zero loss, as a function of the sizes.

One replica: A (m × n) Gaussian, or with singular values spread evenly in the logarithm from 1 to 1/kappa along random
directions; y = A x̄ + noise, x̄ ~ N(0, I_n); a two-layer network of width k (:mod:`numerics.initialization`), of which
a(0) = W u and V̂ = QᵀV are all that matters (`dip2.reduction`).  It *converges* if gradient descent with step γ brings the
loss to `tolerance` times the initial one within `cap` steps.

Three ways to find out, and every record says which one answered (`Cell.answers`):

descent     the steps are taken: the definition itself.
flow        the gradient flow is integrated up to time γ cap, and its own convergence is reported.
predicted   the number of steps is taken to be the flow's crossing time divided by γ, rounded up.  It is a prediction: descent
            is not the flow.  Measured at (n, m, k) = (60, 10, 500) with γ = 1/λmax(JJᵀ): right within 1% with kappa = 30
            (some 3000 steps), within 9% with kappa = 3, within 20% for a Gaussian operator (some 25 steps).  Where γ is
            not below 2/λmax(JJᵀ) at the start, the steps are taken instead.

How long is long enough is a question of its own (`Experiment.clock`), as convergence by a fixed number of steps mixes
a threshold in width with one in time:

steps       `cap` steps of descent, by one of the ways above.
scaled      the flow up to time horizon/σ_F², σ_F the smallest singular value of the instance's A.
limit       the flow until it is decided, or given up at time limit_cap/σ_F²: "not reached by then" is no "never".  Decided is
            zero loss (to the tolerance), and for W only also a loss within the tolerance of the optimum over the box, which
            is where the flow of infeasible data tends to (`wonly.threshold`).  With both layers trained every width reaches
            zero loss for almost every start (`dip2.no_threshold`).

For W only :func:`prediction` says beforehand, with a certificate, whether zero loss is reached in the limit.

Refer to :mod:`numerics.confidence` for what a fraction of replicas says about the probability: :meth:`Cell.limits`.
"""

from numerics.phase.answers import Answer, answer, settle, sigma_F
from numerics.phase.box import Prediction, box_optimum, prediction
from numerics.phase.experiment import CLOCKS, METHODS, Experiment, draw
from numerics.phase.grid import Cell, Diagram, convergence, diagram

__all__ = [
    "CLOCKS",
    "METHODS",
    "Answer",
    "Cell",
    "Diagram",
    "Experiment",
    "Prediction",
    "answer",
    "box_optimum",
    "convergence",
    "diagram",
    "draw",
    "prediction",
    "settle",
    "sigma_F",
]
