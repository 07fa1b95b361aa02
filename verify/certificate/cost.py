"""What a recheck costs, before it is run: a rough model of :mod:`verify.recheck`, for deciding whether to run it at once."""

from __future__ import annotations

from .certificate import Certificate

# Seconds, measured on one core: a multiply-add of integers of 60 to 120 bits, an entry of V that is read, an activation.
_MULTIPLY, _ENTRY, _NEURON = 1.6e-9, 6.0e-7, 2.5e-5

#: Below this many estimated seconds `dipcert certify` rechecks at once.
SOON = 60.0


def seconds(certificate: Certificate) -> float:
    """Estimated seconds of a recheck on one core."""
    s = certificate.subject
    n, k, p = s.n, s.k, s.p
    work = 0.0
    if any(
        item.kind in ("sigma_0_lower", "sigma_0_upper", "J_norm_upper", "PKQ_upper") for item in certificate.obligations
    ):
        work += float(n) * n * k + 2.0 * n * n * p + float(p) ** 3
    if s.R is not None:
        work += 2.0 * n * p * k + 4.0 * n * p * p + 2.0 * float(p) ** 3
    if s.C is not None:
        work += 2.0 * s.m * p * p + 2.0 * float(p) ** 3
    return work * _MULTIPLY + n * k * _ENTRY + k * _NEURON + (n + s.m) * p * 2e-6
