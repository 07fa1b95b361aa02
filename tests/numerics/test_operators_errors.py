"""What a user writes wrongly is met at the door, with the cause and the remedy."""

import math

import numpy as np
import pytest
import scipy.sparse

from numerics.operators import OPERATORS, as_operator, compact_svd, from_mapping
from numerics.operators.base import check_shape
from numerics.operators.sparse import SparseOperator

RNG = np.random.default_rng(0)

BAD = [
    ({"kind": "blurr", "std": 1.0}, "did you mean 'blur'"),
    ({"kind": "zzz"}, "known: blur, compose"),
    ({"std": 1.0}, "needs a kind"),
    ({"kind": "blur", "sdt": 1.0}, "did you mean 'std'"),
    ({"kind": "gaussian"}, "needs m"),
    ({"kind": "sparse"}, "needs file"),
    ("blur", "table with a kind"),
    ({"kind": "blur"}, "either std"),
    ({"kind": "blur", "std": 1.0, "taps": [1.0]}, "not both"),
    ({"kind": "blur", "std": -1.0}, "std of a blur must be a positive number, got -1.0"),
    ({"kind": "blur", "std": math.nan}, "std of a blur"),
    ({"kind": "blur", "std": True}, "std of a blur"),
    ({"kind": "blur", "std": 1.0, "radius": -1}, "radius"),
    ({"kind": "blur", "std": 1.0, "radius": 1.5}, "radius"),
    (
        {"kind": "blur", "std": 1.0, "radius": 10},
        r"kernel has 21 taps an axis, more than the signal, 16: .*radius <= 7",
    ),
    ({"kind": "blur", "std": 9.0}, "more than the signal"),
    ({"kind": "blur", "taps": [1.0] * 17}, "17 taps, more than the signal, 16"),
    ({"kind": "blur", "taps": [[1.0, 2.0]]}, "1-D kernel, got a 2-D one"),
    ({"kind": "blur", "taps": [1.0, -1.0]}, "sum to zero"),
    ({"kind": "blur", "taps": ["a"]}, "list of numbers"),
    ({"kind": "blur", "taps": [[1.0], [1.0, 2.0]]}, "list of numbers"),
    ({"kind": "blur", "taps": [1.0, math.nan], "normalise": False}, "finite"),
    ({"kind": "blur", "taps": [0.0], "normalise": False}, "not all zero"),
    ({"kind": "subsample"}, "exactly one of"),
    ({"kind": "subsample", "fraction": 0.5, "every": 2}, "exactly one of"),
    ({"kind": "subsample", "fraction": 0.0}, r"fraction of a subsampling must lie in \(0, 1\], got 0.0"),
    ({"kind": "subsample", "fraction": 1.5}, "fraction"),
    ({"kind": "subsample", "fraction": "half"}, "fraction"),
    ({"kind": "subsample", "every": 0}, "every"),
    ({"kind": "subsample", "indices": []}, "nonempty list of integers"),
    ({"kind": "subsample", "indices": [0.5]}, "list of integers"),
    ({"kind": "subsample", "indices": [16]}, "run from 0 to 15, got 16 to 16"),
    ({"kind": "subsample", "indices": [1, 1]}, "repeated"),
    ({"kind": "gaussian", "m": 0}, "m >= 1"),
    ({"kind": "gaussian", "m": 2.5}, "m >= 1"),
    ({"kind": "gaussian", "m": 2, "scale": "k"}, "scale"),
    ({"kind": "fourier"}, "exactly one of fraction and indices"),
    ({"kind": "fourier", "fraction": 0.5, "indices": [1]}, "exactly one of fraction and indices"),
    ({"kind": "fourier", "fraction": 0.0}, r"fraction of a Fourier sampling must lie in \(0, 1\], got 0.0"),
    (
        {"kind": "fourier", "fraction": 0.5, "lowest": 1.5},
        r"lowest of a Fourier sampling must lie in \[0, 1\], got 1.5",
    ),
    ({"kind": "fourier", "indices": [1], "lowest": 0.5}, "lowest goes with fraction"),
    ({"kind": "fourier", "fraction": 0.5, "transform": "cosin"}, "did you mean 'cosine'"),
    ({"kind": "fourier", "indices": [16]}, "run from 0 to 15, got 16 to 16"),
    ({"kind": "fourier", "indices": [1, 1]}, "repeated"),
    ({"kind": "fourier_synthesis", "omega0": 0.0}, "omega0"),
    ({"kind": "fourier_synthesis", "power": -1.0}, "power"),
    ({"kind": "dense"}, "either values"),
    (
        {"kind": "dense", "values": [[1.0, 2.0]]},
        r"1 x 2, so it acts on 2 numbers, but the signal has shape 16: 16 numbers",
    ),
    ({"kind": "dense", "values": [[1.0], [1.0, 2.0]]}, "different lengths"),
    ({"kind": "dense", "values": [1.0, 2.0]}, "nonempty matrix, got shape"),
    ({"kind": "dense", "values": [[math.nan] * 16]}, "16 NaN or infinite entries"),
    ({"kind": "dense", "values": [["a"] * 16]}, "real numbers"),
    ({"kind": "dense", "file": "/nowhere/at/all.npy"}, "does not exist"),
    ({"kind": "sparse", "file": "/nowhere/at/all.npz"}, "does not exist"),
    ({"kind": "linear_operator", "operator": "name"}, "from Python"),
    (
        {"kind": "linear_operator", "operator": np.ones((2, 5))},
        r"shape 2 x 5, but the signal has shape 16.* 5 are needed",
    ),
    ({"kind": "linear_operator", "operator": 1j * np.eye(16)}, "complex"),
    ({"kind": "linear_operator", "operator": object()}, "not a linear operator"),
    ({"kind": "compose", "parts": []}, "nonempty list"),
    ({"kind": "compose", "parts": [{"kind": "identty"}]}, "did you mean 'identity'"),
    ({"kind": "compose", "parts": [{"kind": "blur", "std": 4.0}, {"kind": "subsample", "fraction": 0.2}]}, "signal, 3"),
]


@pytest.mark.parametrize(("spec", "message"), BAD, ids=range(len(BAD)))
def test_bad_specifications(spec, message):
    with pytest.raises(ValueError, match=message):
        from_mapping(spec).build((16,), RNG)


def test_every_kind_can_be_wrong():
    covered = {spec.get("kind") for spec, _ in BAD if isinstance(spec, dict)}
    assert set(OPERATORS) - covered <= {"identity"}


def test_files_that_are_not_what_they_should_be(tmp_path):
    text = tmp_path / "a.npy"
    text.write_text("hello")
    with pytest.raises(ValueError, match="not a readable"):
        from_mapping({"kind": "dense", "file": str(text)}).build((2,), RNG)
    with pytest.raises(ValueError, match="save_npz"):
        from_mapping({"kind": "sparse", "file": str(text)}).build((2,), RNG)
    np.savez(tmp_path / "b.npz", one=np.eye(2), two=np.eye(2))
    with pytest.raises(ValueError, match="one, two: choose one"):
        from_mapping({"kind": "dense", "file": str(tmp_path / "b.npz")}).build((2,), RNG)
    np.save(tmp_path / "c.npy", np.eye(2))
    with pytest.raises(ValueError, match="drop key"):
        from_mapping({"kind": "dense", "file": str(tmp_path / "c.npy"), "key": "one"}).build((2,), RNG)
    scipy.sparse.save_npz(tmp_path / "d.npz", scipy.sparse.csr_array(np.array([[math.inf, 0.0]])))
    with pytest.raises(ValueError, match="NaN or infinite"):
        from_mapping({"kind": "sparse", "file": str(tmp_path / "d.npz")}).build((2,), RNG)
    scipy.sparse.save_npz(tmp_path / "e.npz", scipy.sparse.csr_array(np.ones((1, 2))))
    with pytest.raises(ValueError, match=r"1 x 2.*signal has shape 3"):
        from_mapping({"kind": "sparse", "file": str(tmp_path / "e.npz")}).build((3,), RNG)


def test_periodic_operators_need_one_or_two_dimensions():
    for spec in ({"kind": "blur", "std": 0.3}, {"kind": "fourier_synthesis"}):
        with pytest.raises(ValueError, match="1-D and 2-D"):
            from_mapping(spec).build((4, 4, 4), RNG)


def test_shapes_and_options():
    for bad in ((), (0,), (2, -1), (2.5,), (True,)):
        with pytest.raises(ValueError, match="positive integers"):
            check_shape(bad, "the shape")
    with pytest.raises(ValueError, match="truncate"):
        compact_svd(np.eye(2), rank="half")
    with pytest.raises(ValueError, match="rtol"):
        compact_svd(np.eye(2), rtol=2.0)
    with pytest.raises(ValueError, match="sparse matrix is needed"):
        SparseOperator(np.eye(2))
    assert as_operator(scipy.sparse.eye_array(3)).shape == (3, 3)
