"""A statement of your own, checked: a wrong one is refuted by a small instance, the corrected one is not.

Run it: ``python examples/own_theorem.py``.  It writes the counterexample to ``cases/``, from where

    dipcert replay cases/own.fast_rate-....json --theorem examples/own_theorem.py

runs it again.
"""

from pathlib import Path

import sympy as sp

from theory.statement import Statement
from theory.symbols import Psi, Psi_inv, sym
from verify.own import check_statement

h, t, loss, loss_0 = sym("h"), sym("t"), sym("loss"), sym("loss_0")
sigma_F, sigma_0 = sym("sigma_F"), sym("sigma_0")

# What the statement rests on: the hypotheses of the sharp theorem, by their names in the registry, and its condition h < 1/2.
HYPOTHESES = ("A.loss.KL", "A.operator.range", "A.operator.nondegenerate", "A.init", "A.generator.linear_modulus")


def rate(identifier: str, title: str, lost: int) -> Statement:
    """Exponential decay at sigma_F² sigma_0² (1 − lost·h)."""
    speed = sigma_F**2 * sigma_0**2 * (1 - lost * h)
    return Statement(
        id=identifier,
        kind="theorem",
        origin="new",
        title=title,
        text=f"If h < 1/2: L_y(y(t)) <= Psi^-1(Psi(L_y(y(0))) + sigma_F^2 sigma_0^2 (1 - {lost} h) t) for all t.".replace(
            "1 h", "h"
        ),
        hypotheses=HYPOTHESES,
        uses=("sharp.condition",),
        conclusion=sp.Le(loss, Psi_inv(Psi(loss_0) + speed * t)),
    )


# "The singular value can only fall by a share h along the run": it falls by more.
fast = rate("own.fast_rate", "The loss decays at the rate 1 − h", 1)
right = rate("own.right_rate", "The loss decays at the rate 1 − 2h", 2)


def main(out: Path = Path("cases")) -> None:
    """Check both, print what was found, save the counterexample."""
    for statement in (fast, right):
        result = check_statement(statement, examples=40, declared_in=__file__)
        print(result)
        if result.case is not None:
            print(f"  saved: {result.case.save(out)}")
        print()


if __name__ == "__main__":
    main()
