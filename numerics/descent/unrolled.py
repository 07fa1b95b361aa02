"""Source of a step of descent for a fixed number p of rows of V, every loop over rows written out.

Against the loops of :mod:`numerics.descent.kernels`: the sums over neurons stay in registers, and a tile is gone through
twice.  The first pass evaluates φ and φ' on it and, in the same loop, Vᵀq on the next one: the evaluation is a long chain of
operations, the product waits for the second-level cache, and neither needs the other.  The second pass updates V and takes
the next output from it, BLOCK rows at a time.

Layout: one flat array, a tile after the other, p + 4 rows of TILE neurons each: V, then a, φ, φ' and the new φ.  All offsets
within a tile are constants, so that LLVM sees without checks at run time that the rows do not overlap.  A tile of zeros
at the end is the next one of the last.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["LIMIT", "TILE", "aligned", "pack", "source", "unpack"]

Array = NDArray[np.float64]

TILE = 64
"""Neurons a tile: two tiles have to stay in the first-level cache; 128 are as fast at p = 10, 256 are not (measured)."""
LIMIT = 20
"""Rows up to which this is a tenth faster at least than the loops, and compiled in about two seconds (measured)."""
BLOCK = 10
"""Rows whose sums are in vector registers at a time: AVX2 has 16 of them, and spilling costs more than reading φ again."""
_LINE = 8  # doubles a cache line


def aligned(shape: tuple[int, ...]) -> Array:
    """Zeros that begin at a cache line: vectors of 64 bytes that straddle two lines cost twice as much."""
    size = int(np.prod(shape))
    room = np.zeros(size + _LINE)
    start = (-room.ctypes.data // room.itemsize) % _LINE
    return room[start : start + size].reshape(shape)


def _rows(S: Array, p: int) -> Array:
    """(tiles, p + 4, TILE) without the tile of zeros: a view."""
    return S.reshape(-1, p + 4, TILE)[:-1]


def pack(a: Array, V: Array, phi: Array, slope: Array) -> Array:
    """The state as :func:`source` has it; a, phi, slope of shape (k,), V of shape (p, k)."""
    p, k = V.shape
    tiles = -(-k // TILE)
    rows = np.zeros((p + 4, tiles * TILE))
    rows[:p, :k] = V
    rows[p : p + 3, :k] = a, phi, slope
    S = aligned(((tiles + 1) * (p + 4) * TILE,))
    _rows(S, p)[...] = rows.reshape(p + 4, tiles, TILE).transpose(1, 0, 2)
    return S


def unpack(S: Array, p: int, k: int) -> tuple[Array, Array]:
    """a (k,) and V (p, k): copies."""
    rows = _rows(S, p).transpose(1, 0, 2).reshape(p + 4, -1)
    return rows[p, :k].copy(), rows[:p, :k].copy()


def source(p: int, both: bool, activation: str) -> str:
    """`descend` of :mod:`numerics.descent.kernels`, the state in one array; `activation`: lines that take x to value, slope."""
    size, rows = (p + 4) * TILE, range(p)
    a, phi, slope, new = ((p + i) * TILE for i in range(4))

    def pull(at: int) -> list[str]:
        product = " + ".join(f"q{i} * S[{at + i * TILE} + j]" for i in rows)
        return [
            f"pull = S[{at + slope} + j] * ({product})",
            "moved += pull * pull",
            f"S[{at + a} + j] -= gamma * pull",
        ]

    evaluate = [f"x = S[{a} + j]", *activation.splitlines(), f"S[{slope} + j] = slope", f"S[{new} + j] = value"]
    blocks = -(-p // BLOCK)
    outputs = []
    for block in range(blocks):
        output = [f"value = S[{new} + j]"]
        if both:
            output += [f"old = S[{phi} + j]"]
            output += ["hidden += old * old"] if block == 0 else []
            output += [f"S[{phi} + j] = value"] if block == blocks - 1 else []
        for i in range(block * p // blocks, (block + 1) * p // blocks):
            output.append(f"v = S[{i * TILE} + j]{f' - c{i} * old' if both else ''}")
            output += [f"S[{i * TILE} + j] = v"] if both else []
            output.append(f"g{i} += v * value")
        outputs += _loop(output)
    step = [
        *(f"q{i} = s[{i}] * (s[{i}] * g[{i}] - y[{i}])" for i in rows),
        "squares = " + " + ".join(f"q{i} * q{i}" for i in rows),
        *(f"q{i} *= root" for i in rows),
        *(f"c{i} = gamma * q{i}" for i in rows),
        *(f"g{i} = 0.0" for i in rows),
        "moved, hidden = 0.0, 0.0",
        "S = state[0:]",
        *_loop(pull(0)),
        "for b in range(tiles):",
        f"    S = state[b * {size} :]",
        *_indent(_loop(pull(size) + evaluate)),
        *_indent(outputs),
        f"for j in range(last + {phi}, (tiles - 1) * {size} + {phi + TILE}):",  # no neurons there: no change of V
        "    state[j] = 0.0",
        *(f"g[{i}] = root * g{i}" for i in rows),
        "whole[STEP] += 1",
        "reals[LENGTH_A] += gamma * math.sqrt(moved)",
        "reals[LENGTH] += gamma * math.sqrt(moved + root * root * squares * hidden)",
        "if not reals[LENGTH_A] <= reals[REACH]:",
        "    return UNFIT",
        "code = observe(loss_stop, s, y, g, form, tilt, levels2, crossed, whole, reals)",
        "if code != RUNNING:",
        "    return code",
    ]
    body = [
        f"tiles = state.size // {size} - 1",
        f"last = (tiles - 1) * {size} + whole[NEURONS] - (tiles - 1) * {TILE}",
        "for _ in range(count):",
        *_indent(step),
        "return RUNNING",
    ]
    arguments = "count, gamma, root, loss_stop, state, s, y, g, form, tilt, levels2, crossed, whole, reals"
    return "\n".join([f"def descend({arguments}):", *_indent(body), ""])


def _indent(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _loop(lines: list[str]) -> list[str]:
    return [f"for j in range({TILE}):", *_indent(lines)]
