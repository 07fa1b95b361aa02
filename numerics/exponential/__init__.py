"""Exponential collocation for gradient flows: stiffness costs little, because the frozen Gauss-Newton part is integrated
exactly.

`collocation` has one step, in the space of the output x; `layers` and `vector` are the two kernels that it is made for (the
two-layer network, and any system whose Jacobian is formed); `head` is what comes after x: operator and loss, with their
linear model; `piece` the dense output of a step, `length` the path length inside it; `tables` and `phi` the numbers;
`stepper` chooses steps and order.  Users call :func:`numerics.flow.gradient_flow` or :func:`numerics.solve.solve_flow`.
"""
