"""Discrete Fourier transforms with a proved error: the functions of :mod:`numerics.rigorous.dft`, under their old name."""

from numerics.rigorous.dft import direct_dft, modulus, twiddles

__all__ = ["direct_dft", "modulus", "twiddles"]
