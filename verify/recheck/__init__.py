"""Check a convergence certificate from its raw data, with exact integers and balls, trusting no program that made it.

    python recheck cert.json [--expect PROBLEM_ID] [--data ORIGINAL.npz] [--json]

(a copy of this directory, of any name, or of `python -m zipapp` of it; in the toolkit also `python -m verify.recheck`).
Exit status: 0 everything claimed is confirmed and the verdict is PROVED; 1 rejected; 2 not readable as a certificate; 3
everything claimed is confirmed, but the verdict is REFUTED or UNKNOWN; 130 interrupted.

What is trusted: this package, Python's integers, python-flint (`fmpz_mat`: exact integer matrices, `arb`: real balls that
contain the exact result), SHA-256, and the theorems of statements.py, of which the hypotheses are checked and the
conclusions evaluated. Not trusted: everything in the certificate. A witness is any matrix of doubles that makes an inequality
below true; a comparison that the balls do not decide counts as not proved; whatever is not expected is rejected.

To be read in this order: strict and files (what is read, and what is refused), statements, problem (what is declared),
matrices (matrices with an error, norms, singular values), activations, derived and sweep (the numbers of the problem),
bounds (the table of all bounds), theorems (conditions and conclusions), claims, report (the whole check), command. The
file format is docs/certificate_format.md of the toolkit.

THE PROBLEM. g(theta) = V phi(a)/sqrt(k), V of size n x k with columns v_i, stored transposed (k x n). Operator T = C R:
C (m x p, full column rank) or absent (p = m), R (p x n, full row rank) or absent (p = n). Data y. r = T g - y; with C
present r is projected orthogonally on Im T. rho = |r|, for weights w: rho = sqrt(sum w_i r_i^2/w_min) >= |r|. w_min = 1
without weights. sigma_F = smallest nonzero singular value of T, U = orthonormal basis of Im T' (= Im R'), c_V = max|U'v_i|,
c_full = max|v_i|, D = diag phi'(a), f = |phi(a)|/sqrt(k); sigma_0 = sigma_min(U'J_g), J_g the Jacobian of g in what is
trained. A signal xbar has x = s g ("scale" s), T = s A; in the coordinates of g it is xbar/s, and eps = |r| at xbar/s.

MATRICES are kept as integers times 2^q with a bound of the Frobenius norm of their error (matrices.py). Witnesses are cut to
BITS below their largest entry first: the cut matrix is the witness. |X| is the spectral norm, |X|_F the Frobenius norm.
 Norm    |X|^2 <= mu + |mu I - X X' - L L'|_F for every mu, L: X X' = mu I - L L' - (mu I - X X' - L L'), and L L' >= 0.
 Shift   lambda_min(K) >= shift - |K - shift I - L L'|_F, likewise.
 Whiten  if delta = |N X X' N' - I|_F < 1 then sigma_min(X) >= sqrt(1-delta)/|N|: N is invertible, z = N'w has
         |X'z| = |X'N'w| >= sqrt(1-delta)|w| >= sqrt(1-delta)|z|/|N|. Used for X = R, C', S.
 Basis   B = N R, G = B B', delta = |G - I|_F < 1/2. U = B' G^(-1/2) is orthonormal with image Im R'; so |U'x| = |G^(-1/2) B x|
         lies between |B x|/sqrt(1+delta) and |B x|/sqrt(1-delta). R absent: B = I, delta = 0.
 Gram    S = B V D: sigma_min(U'V D) >= sigma_min(S)/sqrt(1+delta). J_g J_g' = ([both] f^2 I) + V D^2 V'/k, |u| = 1.
 Kernel  P = I - U U' has P B' = 0, so P z = P (z - B'B z) and |P z| <= |z - B'B z|; |P K Q| = |P K U| <= |P K B'|/sqrt(1-delta).
 Project W = C N_C, delta_C = |W'W - I|_F: the orthogonal projection of r on Im C has norm at most |W'r|/sqrt(1-delta_C).
"""

from .activations import ACTIVATIONS, RANGE
from .bounds import BOUNDS, Obligation, Outcome
from .claims import overall
from .command import main
from .derived import Problem
from .matrices import Fix
from .report import PREC, Report, check
from .statements import ASSUMPTIONS, CONVERGENCE, STATEMENTS, TOOLKIT
from .strict import Rejected
from .theorems import RULES

__all__ = [
    "ACTIVATIONS", "ASSUMPTIONS", "BOUNDS", "CONVERGENCE", "PREC", "RANGE", "RULES", "STATEMENTS", "TOOLKIT",
    "Fix", "Obligation", "Outcome", "Problem", "Rejected", "Report", "check", "main", "overall",
]  # fmt: skip
