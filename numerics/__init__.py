"""How things are computed: operators, networks, gradient flow, rounding-accounted bounds."""
