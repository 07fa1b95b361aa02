"""Signals to be recovered: real ones that ship with matplotlib, drawn ones, and the user's own.

A source is a frozen dataclass: its fields are the keys of a problem file's ``[signal]`` table, and ``load(rng)``
returns a float64 array, (h, w) for an image and (n,) for a series. `SIGNALS` maps the name of a source to its class.

>>> sorted(SIGNALS)
['eeg', 'file', 'gaussian', 'membrane', 'mri', 'values']
>>> Mri(size=32).load().shape
(32, 32)
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Signals are later met by dense operators: what is larger than this could not be used, so it is not drawn.
_MOST_ENTRIES = 10_000_000


def doc(text: str) -> dict[str, str]:
    """Metadata of a field: what it means."""
    return {"doc": text}


class Signal(Protocol):
    """What every source offers."""

    source: ClassVar[str]

    def load(self, rng: np.random.Generator | None = None) -> Array:
        """The signal as float64; `rng` is used by drawn signals only."""
        ...


# Windows of the slice as (first row, first column, side), chosen by eye: "brain" is filled by the brain, "head" shows
# the head whole with a dark rim on three sides, "full" is the slice as measured.
_MRI_CROPS: dict[str, tuple[int, int, int]] = {"brain": (36, 44, 128), "head": (24, 16, 192), "full": (0, 0, 256)}


@dataclass(frozen=True)
class Mri:
    """A sagittal slice of a head by magnetic resonance (matplotlib's sample ``s1045.ima.gz``, 256 × 256, 16 bit).

    Cropped, brought down to size × size by averaging square blocks, divided by its largest value: within [0, 1].
    """

    source: ClassVar[str] = "mri"
    size: int = field(default=32, metadata=doc("Pixels per side; must divide the side of the crop (128, 192 or 256)"))
    crop: Literal["brain", "head", "full"] = field(
        default="brain",
        metadata=doc("brain (128 × 128, filled by it), head (192 × 192) or full (256 × 256)"),
    )

    def load(self, rng: np.random.Generator | None = None) -> Array:
        """The image, (size, size), values in [0, 1]."""
        row, column, side = _MRI_CROPS[self.crop]
        if self.size < 1 or side % self.size:
            sizes = ", ".join(str(d) for d in range(8, side + 1) if side % d == 0)
            raise ValueError(
                f"an MRI size of {self.size} does not divide the crop's side {side}; choose one of {sizes}"
            )
        block = side // self.size
        pixels = np.frombuffer(_sample("s1045.ima.gz"), dtype="<u2").reshape(256, 256).astype(np.float64)
        window = pixels[row : row + side, column : column + side]
        image = window.reshape(self.size, block, self.size, block).mean(axis=(1, 3))
        return np.asarray(image / image.max())


@dataclass(frozen=True)
class Eeg:
    """An electroencephalogram (matplotlib's sample ``eeg.dat``: 4 channels, 800 samples in 10 s, unit deviation)."""

    source: ClassVar[str] = "eeg"
    size: int = field(default=256, metadata=doc("Number of values"))
    channel: int = field(
        default=2,
        metadata=doc("electrode, 0 to 3 (0 and 3 contain artefacts, 2 has slow waves)"),
    )
    start: int = field(default=0, metadata=doc("First sample of the window"))
    decimate: int = field(default=1, metadata=doc("Samples averaged into one value"))

    def load(self, rng: np.random.Generator | None = None) -> Array:
        """The series, (size,)."""
        samples = np.frombuffer(_sample("eeg.dat"), dtype="<f8").reshape(800, 4)
        if not 0 <= self.channel < 4:
            raise ValueError(f"the EEG has channels 0 to 3, got channel {self.channel}")
        return _window(samples[:, self.channel], self.size, self.start, self.decimate)


@dataclass(frozen=True)
class Membrane:
    """A neuron's membrane potential in volt (matplotlib's sample ``membrane.dat``: 12000 samples, 0.5 ms apart).

    Rest until sample 1000, regular spikes about 220 samples apart until 7200, irregular ones until 10900, rest again.
    """

    source: ClassVar[str] = "membrane"
    size: int = field(default=256, metadata=doc("Number of values"))
    start: int = field(default=2000, metadata=doc("First sample of the window"))
    decimate: int = field(default=4, metadata=doc("Samples averaged into one value"))

    def load(self, rng: np.random.Generator | None = None) -> Array:
        """The series, (size,), in volt."""
        samples = np.frombuffer(_sample("membrane.dat"), dtype="<f4").astype(np.float64)
        return _window(samples, self.size, self.start, self.decimate)


@dataclass(frozen=True)
class Gaussian:
    """Independent normal entries."""

    source: ClassVar[str] = "gaussian"
    size: int | tuple[int, int] = field(default=16, metadata=doc("Number of entries, or [height, width] of an image"))
    scale: float = field(default=1.0, metadata=doc("Standard deviation of an entry"))

    def load(self, rng: np.random.Generator | None = None) -> Array:
        """The drawn signal, of shape (size,) or (height, width)."""
        shape = (self.size,) if isinstance(self.size, int) else tuple(self.size)
        if min(shape) < 1:
            raise ValueError(f"size = {self.size} leaves no entry; give positive integers")
        if math.prod(shape) > _MOST_ENTRIES:
            raise ValueError(
                f"{math.prod(shape)} entries are too many for a signal (limit {_MOST_ENTRIES}); reduce size"
            )
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"the scale of a Gaussian signal must be positive and finite, got {self.scale}")
        if rng is None:
            raise ValueError("a Gaussian signal is drawn: pass a numpy.random.Generator")
        return self.scale * rng.standard_normal(shape)


@dataclass(frozen=True)
class Values:
    """Numbers written out: a list, or a list of rows of equal length for an image."""

    source: ClassVar[str] = "values"
    values: tuple[Any, ...] = field(metadata=doc("The entries"))

    def load(self, rng: np.random.Generator | None = None) -> Array:
        """The entries as a (n,) or (h, w) array."""
        return as_signal(self.values, "the signal's values")


@dataclass(frozen=True)
class File:
    """The user's own signal: ``.npy``, ``.csv`` (comma) or ``.txt`` (blanks); one- or two-dimensional."""

    source: ClassVar[str] = "file"
    file: str = field(metadata=doc("Path of the file, relative to the problem file"))

    def load(self, rng: np.random.Generator | None = None) -> Array:
        """The entries as a (n,) or (h, w) array."""
        return as_signal(read_array(self.file), str(self.file))


SIGNALS: Mapping[str, type[Signal]] = {
    Eeg.source: Eeg,
    File.source: File,
    Gaussian.source: Gaussian,
    Membrane.source: Membrane,
    Mri.source: Mri,
    Values.source: Values,
}


def as_signal(values: Any, name: str) -> Array:
    """`values` as a float64 array of one or two axes without NaN or infinity; ValueError naming `name` otherwise.

    >>> as_signal([[1, 2], [3, 4]], "x").shape
    (2, 2)
    >>> as_signal([1.0, float("nan")], "x")
    Traceback (most recent call last):
        ...
    ValueError: x: entry 1 is nan (1 of 2 entries are not finite); replace or remove them
    """
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name}: rows of unequal length; give a list of numbers or rows of equal length") from None
    if array.dtype.kind not in "biuf":
        what = {"U": "texts", "S": "texts", "c": "complex numbers"}.get(array.dtype.kind, "something else")
        raise ValueError(f"{name}: not numbers but {what} are given; give real numbers")
    array = array.astype(np.float64)
    if array.ndim not in (1, 2) or array.size == 0:
        raise ValueError(f"{name}: shape {array.shape} is no signal; give a non-empty list, or rows of an image")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        where = ", ".join(str(int(i)) for i in bad[0])
        raise ValueError(
            f"{name}: entry {where} is {array[tuple(bad[0])]} "
            f"({len(bad)} of {array.size} entries are not finite); replace or remove them"
        )
    return array


def read_array(path: str | Path) -> NDArray[Any]:
    """The array in a ``.npy``, ``.csv`` or ``.txt`` file; a one-line ValueError for whatever is wrong with the file."""
    path = Path(path)
    readers = {".npy": _read_npy, ".csv": _read_csv, ".txt": _read_txt}
    if path.suffix.lower() not in readers:
        raise ValueError(f"{path}: files of type {path.suffix or '(none)'} are not read; save it as .npy, .csv or .txt")
    if path.is_dir():
        raise ValueError(f"{path} is a directory; name a file in it")
    try:
        return readers[path.suffix.lower()](path)
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist; paths are relative to the problem file") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror or error})") from None
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path} is not a readable table of numbers ({first})") from None


def _read_npy(path: Path) -> NDArray[Any]:
    array = np.load(path, allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise ValueError("an archive of several arrays; save the one array with numpy.save")
    return array


def _read_csv(path: Path) -> NDArray[Any]:
    return _read_text(path, ",")


def _read_txt(path: Path) -> NDArray[Any]:
    return _read_text(path, None)


def _read_text(path: Path, delimiter: str | None) -> NDArray[Any]:
    text = path.read_text(encoding="utf-8-sig").splitlines()
    rows = [line for line in text if line.split("#", 1)[0].strip()]
    if not rows:
        raise ValueError("the file is empty")
    table = np.loadtxt(rows, delimiter=delimiter, ndmin=2)
    # A single row or column is a series.
    return table.ravel() if 1 in table.shape else table


@cache
def _sample(name: str) -> bytes:
    """The bytes of one of matplotlib's sample files, decompressed."""
    # matplotlib is imported here: it takes half a second that other sources need not wait for.
    from matplotlib.cbook import get_sample_data

    stream: Any = get_sample_data(name)
    with stream:
        content: bytes = stream.read()
    return content


def _window(samples: Array, size: int, start: int, decimate: int) -> Array:
    """`size` means of `decimate` neighbouring samples each, from sample `start` on."""
    if size < 1 or decimate < 1 or start < 0:
        raise ValueError(f"size and decimate must be at least 1, start at least 0; got {size}, {decimate}, {start}")
    stop = start + size * decimate
    if stop > len(samples):
        raise ValueError(
            f"samples {start} to {stop} are needed but the series has {len(samples)}; reduce size, decimate or start"
        )
    return np.asarray(samples[start:stop].reshape(size, decimate).mean(axis=1))
