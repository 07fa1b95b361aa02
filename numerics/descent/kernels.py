"""Steps of gradient descent on L = ½‖diag(s) V φ(a)·root − y‖² in one pass over tiles of neurons: plain Python for numba.

Layout: neurons in tiles of TILE (the last one padded with zeros), arrays of shape (tiles, TILE) and (tiles, p, TILE); a
tile of V is contiguous and is read for the gradient, updated and used for the next output while it is in cache.

:mod:`numerics.descent.fused` gives copies of these functions their own `activate` and BOTH, and compiles them.
"""

from __future__ import annotations

import math

import numpy as np

TILE = 128
"""Neurons a tile: at p ≤ 24 a tile of V stays in 24 KB of first-level cache; 64 to 256 are equally fast (measured)."""
BOTH = True
"""Whether V moves: a global that the compiled copies have of their own, so that one branch of each `if` vanishes."""


def activate(a, values, slopes):
    """φ and φ' of the TILE pre-activations `a` into the other two: the compiled copies have one for each activation."""
    raise NotImplementedError("kernels are run through numerics.descent.fused")


LOSS, RESIDUAL2, LENGTH, LENGTH_A, LOSS_OFFSET, RESIDUAL2_OFFSET, REACH = range(7)
"""Entries of `reals`: loss, squared residual norm, path lengths; the parts of the first two that no step can change; the
length of the path of a up to which `activate` is to be trusted."""
STEP, LEVEL, NEURONS, HELD = range(4)
"""Entries of `whole`: steps taken, levels passed, neurons in all."""
RUNNING, REACHED, NOT_FINITE, UNFIT = range(4)
"""What :func:`descend` returns; UNFIT: the last step went out of REACH and has not been looked at."""


def observe(loss_stop, s, y, g, form, tilt, levels2, crossed, whole, reals):
    """Loss and residual of the output g; which levels they have passed; whether to stop."""
    p = s.size
    loss = reals[LOSS_OFFSET]
    for i in range(p):
        r = s[i] * g[i] - y[i]
        loss += 0.5 * r * r
    residual2 = 2.0 * loss
    if form.size > 0:
        residual2 = reals[RESIDUAL2_OFFSET]
        for i in range(p):
            r = s[i] * g[i] - y[i]
            residual2 += 2.0 * tilt[i] * r
            for j in range(p):
                residual2 += form[i, j] * r * (s[j] * g[j] - y[j])
        residual2 = max(residual2, 0.0)
    reals[LOSS] = loss
    reals[RESIDUAL2] = residual2
    if not loss < math.inf:
        return NOT_FINITE
    while whole[LEVEL] < levels2.size and residual2 <= levels2[whole[LEVEL]]:
        crossed[whole[LEVEL]] = whole[STEP]
        whole[LEVEL] += 1
    return REACHED if loss <= loss_stop else RUNNING


def begin(root, a, V, phi, slope, g, whole):
    """φ, φ' and the output g = V φ(a)·root at the present a, V."""
    tiles, p, _ = V.shape
    g[:] = 0.0
    for b in range(tiles):
        activate(a[b], phi[b], slope[b])
        for j in range(min(TILE, max(0, whole[NEURONS] - b * TILE)), TILE):
            phi[b, j] = 0.0
            slope[b, j] = 0.0
        for i in range(p):
            total = 0.0
            for j in range(TILE):
                total += V[b, i, j] * phi[b, j]
            g[i] += total * root


def descend(count, gamma, root, loss_stop, a, V, phi, slope, s, y, g, form, tilt, levels2, crossed, whole, reals):
    """Up to `count` steps, fewer if the loss is reached or is not finite any more; everything is updated in place."""
    tiles, p, _ = V.shape
    q = np.empty(p)
    c = np.empty(p)
    acc = np.empty(TILE)
    new = np.empty(TILE)
    for _ in range(count):
        squares = 0.0
        for i in range(p):
            q[i] = s[i] * (s[i] * g[i] - y[i])
            c[i] = gamma * root * q[i]
            squares += q[i] * q[i]
            g[i] = 0.0
        moved = 0.0
        hidden = 0.0
        for b in range(tiles):
            for j in range(TILE):
                acc[j] = 0.0
            for i in range(0, p - 3, 4):  # four rows at a time: fewer passes over acc
                q0, q1, q2, q3 = q[i], q[i + 1], q[i + 2], q[i + 3]
                for j in range(TILE):
                    acc[j] += (q0 * V[b, i, j] + q1 * V[b, i + 1, j]) + (q2 * V[b, i + 2, j] + q3 * V[b, i + 3, j])
            for i in range(p - p % 4, p):
                weight = q[i]
                for j in range(TILE):
                    acc[j] += weight * V[b, i, j]
            for j in range(TILE):
                pull = root * slope[b, j] * acc[j]
                moved += pull * pull
                hidden += phi[b, j] * phi[b, j]
                a[b, j] -= gamma * pull
            activate(a[b], new, slope[b])
            if b == tiles - 1:
                for j in range(whole[NEURONS] - b * TILE, TILE):
                    new[j] = 0.0
                    slope[b, j] = 0.0
            for i in range(0, p - 1, 2):  # two rows at a time: fewer passes over φ, old and new
                first, second = 0.0, 0.0
                if BOTH:
                    c0, c1 = c[i], c[i + 1]
                    for j in range(TILE):
                        v0, v1 = V[b, i, j] - c0 * phi[b, j], V[b, i + 1, j] - c1 * phi[b, j]
                        V[b, i, j], V[b, i + 1, j] = v0, v1
                        first += v0 * new[j]
                        second += v1 * new[j]
                else:
                    for j in range(TILE):
                        first += V[b, i, j] * new[j]
                        second += V[b, i + 1, j] * new[j]
                g[i] += first
                g[i + 1] += second
            if p % 2 == 1:
                total = 0.0
                for j in range(TILE):
                    v = V[b, p - 1, j]
                    if BOTH:
                        v -= c[p - 1] * phi[b, j]
                        V[b, p - 1, j] = v
                    total += v * new[j]
                g[p - 1] += total
            for j in range(TILE):
                phi[b, j] = new[j]
        for i in range(p):
            g[i] *= root
        whole[STEP] += 1
        reals[LENGTH_A] += gamma * math.sqrt(moved)
        reals[LENGTH] += gamma * math.sqrt(moved + (root * root * squares * hidden if BOTH else 0.0))
        if not reals[LENGTH_A] <= reals[REACH]:
            return UNFIT
        code = observe(loss_stop, s, y, g, form, tilt, levels2, crossed, whole, reals)
        if code != RUNNING:
            return code
    return RUNNING
