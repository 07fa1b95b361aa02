"""Networks: their output, the compact factor of their Jacobian, and how fast that Jacobian can change."""

from numerics.networks.two_layer import Train, TwoLayer

__all__ = ["Train", "TwoLayer"]
