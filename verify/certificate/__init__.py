"""Certificates: what is proved about one network, operator, data and parameters, in files that anyone can recheck.

>>> import numpy as np
>>> from verify.certificate import Subject, certify
>>> rng = np.random.default_rng(0)
>>> subject = Subject.of(a=rng.standard_normal(400), V=rng.standard_normal((2, 400)), T=np.eye(2), y=np.array([0.1, 0.2]))
>>> certify(subject).verdict
'PROVED'

See docs/certificates.md.
"""

from typing import Any

__all__ = ["Certificate", "Subject", "certify", "read_checkpoint"]

_HOME = {
    "Certificate": "verify.certificate.certificate",
    "Subject": "verify.certificate.subject",
    "certify": "verify.certificate.making",
    "read_checkpoint": "verify.certificate.checkpoint",
}


def __getattr__(name: str) -> Any:
    """The public names, imported when first asked for."""
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
