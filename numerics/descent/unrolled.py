"""Source of the steps of descent for a fixed number p of rows of V, every loop over rows written out.

Against the loops of :mod:`numerics.descent.kernels`: the sums over neurons stay in registers, and a tile is gone through
twice.  The first pass evaluates φ and φ' on it and, in the same loop, Vᵀq on the next one: the evaluation is a long chain of
operations, the product waits for the second-level cache, and neither needs the other.  The second pass takes the next output
from V, BLOCK rows at a time.

Where V moves, it is written every other step only: a step V ← V − dφᵀ that is held back costs one product more in the next
Vᵀq and one in the next output, and then both steps are applied in one pass.  `whole[HELD]` says that a step is held back,
`held` is its d; a run may begin and end at either.

Layout: one flat array, a tile after the other, p + EXTRA rows of TILE neurons each: V, then a, φ, φ' and two rows for the φ
of the next two steps.  All offsets within a tile are constants, so that LLVM sees without checks at run time that the rows do
not overlap.  A tile of zeros at the end is the next one of the last.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["EXTRA", "LIMIT", "TILE", "aligned", "pack", "source", "unpack"]

Array = NDArray[np.float64]

TILE = 64
"""Neurons a tile: two tiles have to stay in the first-level cache; 128 are as fast at p = 10, 256 are not (measured)."""
EXTRA = 5
"""Rows of a tile besides those of V."""
LIMIT = 20
"""Rows up to which this is a tenth faster at least than the loops, and compiled in two to three seconds (measured)."""
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
    """(tiles, p + EXTRA, TILE) without the tile of zeros: a view."""
    return S.reshape(-1, p + EXTRA, TILE)[:-1]


def pack(a: Array, V: Array, phi: Array, slope: Array) -> Array:
    """The state as :func:`source` has it; a, phi, slope of shape (k,), V of shape (p, k)."""
    p, k = V.shape
    tiles = -(-k // TILE)
    rows = np.zeros((p + EXTRA, tiles * TILE))
    rows[:p, :k] = V
    rows[p : p + 3, :k] = a, phi, slope
    S = aligned(((tiles + 1) * (p + EXTRA) * TILE,))
    _rows(S, p)[...] = rows.reshape(p + EXTRA, tiles, TILE).transpose(1, 0, 2)
    return S


def unpack(S: Array, p: int, k: int, held: Array | None = None) -> tuple[Array, Array]:
    """a (k,) and V (p, k): copies; held: d (p,) of a step that V still lacks."""
    rows = _rows(S, p).transpose(1, 0, 2).reshape(p + EXTRA, -1)
    a, V = rows[p, :k].copy(), rows[:p, :k].copy()
    if held is not None:
        V -= np.multiply.outer(held, rows[p + 1, :k])
    return a, V


def source(p: int, both: bool, activation: str) -> str:
    """`descend` of :mod:`numerics.descent.kernels`, the state in one array; `activation`: lines that take x to value, slope."""
    rows = range(p)
    begin = [
        *(f"q{i} = s[{i}] * (s[{i}] * g[{i}] - y[{i}])" for i in rows),
        "squares = " + " + ".join(f"q{i} * q{i}" for i in rows),
        *(f"q{i} *= root" for i in rows),
        *(f"g{i} = 0.0" for i in rows),
        "moved, hidden = 0.0, 0.0",
    ]
    end = [
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
    step = _inner(p, activation)
    if both:
        hold, apply = _indent(_hold(p, activation)), _indent(_apply(p, activation))
        step = ["if whole[HELD] == 0:", *hold, "else:", *apply]
    body = [
        f"tiles = state.size // {_size(p)} - 1",
        f"last = (tiles - 1) * {_size(p)} + whole[NEURONS] - (tiles - 1) * {TILE}",
        *(f"d{i} = held[{i}]" for i in rows if both),
        "for _ in range(count):",
        *_indent(begin + step + end),
        "return RUNNING",
    ]
    arguments = "count, gamma, root, loss_stop, state, held, s, y, g, form, tilt, levels2, crossed, whole, reals"
    return "\n".join([f"def descend({arguments}):", *_indent(body), ""])


def _size(p: int) -> int:
    """Numbers in a tile."""
    return (p + EXTRA) * TILE


def _at(row: int, tile: int = 0) -> str:
    """Neuron j of a row; tile: offset of the tile."""
    return f"S[{tile + row * TILE} + j]"


def _inner(p: int, activation: str) -> list[str]:
    """A step of a alone."""
    outputs = [line for block in _blocks(p) for line in _loop([f"value = {_at(p + 3)}", *_sums(block)])]
    return _passes(p, activation, p + 3, outputs, held=False)


def _hold(p: int, activation: str) -> list[str]:
    """A step that V is not told of yet: d = γq, and the output is (V − dφᵀ)φ_new = Vφ_new − d(φ·φ_new)."""
    rows, outputs = range(p), []
    for number, block in enumerate(_blocks(p)):
        lines = [f"value = {_at(p + 3)}"]
        if number == 0:
            lines += [f"old = {_at(p + 1)}", "hidden += old * old", "cross += old * value"]
        outputs += _loop(lines + _sums(block))
    return [
        *(f"d{i} = gamma * q{i}" for i in rows),
        "cross = 0.0",
        *_passes(p, activation, p + 3, outputs, held=False),
        *(f"g{i} -= d{i} * cross" for i in rows),
        *(f"held[{i}] = d{i}" for i in rows),
        "whole[HELD] = 1",
    ]


def _apply(p: int, activation: str) -> list[str]:
    """The step after that: V moves by both."""
    rows, blocks, outputs = range(p), _blocks(p), []
    for number, block in enumerate(blocks):
        lines = [f"value = {_at(p + 4)}", f"old = {_at(p + 3)}", f"older = {_at(p + 1)}"]
        lines += ["hidden += old * old"] if number == 0 else []
        lines += [f"{_at(p + 1)} = value"] if number == len(blocks) - 1 else []
        for i in block:
            lines += [f"v = {_at(i)} - d{i} * older - c{i} * old", f"{_at(i)} = v", f"g{i} += v * value"]
        outputs += _loop(lines)
    return [
        *(f"c{i} = gamma * q{i}" for i in rows),
        "inner = " + " + ".join(f"d{i} * q{i}" for i in rows),
        *_passes(p, activation, p + 4, outputs, held=True),
        *_without_neurons(p, p + 1),
        "whole[HELD] = 0",
    ]


def _passes(p: int, activation: str, new: int, outputs: list[str], held: bool) -> list[str]:
    """All tiles: a moves, φ of it goes to row `new`, then `outputs`; held: whether V lacks a step."""
    size = _size(p)

    def pull(tile: int) -> list[str]:
        product = " + ".join(f"q{i} * {_at(i, tile)}" for i in range(p))
        product += f" - inner * {_at(p + 1, tile)}" if held else ""
        return [
            f"pull = {_at(p + 2, tile)} * ({product})",
            "moved += pull * pull",
            f"{_at(p, tile)} -= gamma * pull",
        ]

    evaluate = [f"x = {_at(p)}", *activation.splitlines(), f"{_at(p + 2)} = slope", f"{_at(new)} = value"]
    return [
        "S = state[0:]",
        *_loop(pull(0)),
        "for b in range(tiles):",
        f"    S = state[b * {size} :]",
        *_indent(_loop(pull(size) + evaluate)),
        *_indent(outputs),
        *_without_neurons(p, new),
    ]


def _without_neurons(p: int, row: int) -> list[str]:
    """φ = 0 where the last tile has no neurons: no change of V there."""
    end = f"(tiles - 1) * {_size(p)} + {(row + 1) * TILE}"
    return [f"for j in range(last + {row * TILE}, {end}):", "    state[j] = 0.0"]


def _blocks(p: int) -> list[range]:
    """The rows, at most BLOCK at a time."""
    blocks = -(-p // BLOCK)
    return [range(block * p // blocks, (block + 1) * p // blocks) for block in range(blocks)]


def _sums(block: range) -> list[str]:
    return [f"g{i} += {_at(i)} * value" for i in block]


def _indent(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _loop(lines: list[str]) -> list[str]:
    return [f"for j in range({TILE}):", *_indent(lines)]
