"""Signals: every source loads what its documentation says, and bad files are met at the door."""

import dataclasses

import numpy as np
import pytest

from numerics.signals import SIGNALS, Eeg, File, Gaussian, Membrane, Mri, Values, as_signal, read_array

EXAMPLES = {
    "eeg": Eeg(),
    "gaussian": Gaussian(size=(3, 4)),
    "membrane": Membrane(),
    "mri": Mri(),
    "values": Values(values=(1, 2, 3)),
}


@pytest.mark.parametrize("name", sorted(SIGNALS))
def test_every_source_gives_finite_float64(name, tmp_path):
    np.save(tmp_path / "x.npy", np.arange(4, dtype=np.float32))
    source = EXAMPLES[name] if name != "file" else File(file=str(tmp_path / "x.npy"))
    assert type(source) is SIGNALS[name]
    assert source.source == name
    assert dataclasses.is_dataclass(source)
    x = source.load(np.random.default_rng(0))
    assert x.dtype == np.float64
    assert x.ndim in (1, 2)
    assert np.isfinite(x).all()
    assert x.std() > 0


@pytest.mark.parametrize("crop", ["brain", "head", "full"])
@pytest.mark.parametrize("size", [16, 32, 64])
def test_mri_blocks_keep_the_mean_and_fill_the_unit_interval(crop, size):
    image = Mri(size=size, crop=crop).load()
    finest = Mri(size={"brain": 128, "head": 192, "full": 256}[crop], crop=crop).load()
    assert image.shape == (size, size)
    assert image.max() == 1.0
    assert image.min() >= 0.0
    block = len(finest) // size
    # The two differ by a positive factor: what each was divided by.
    means = np.array([[finest[i : i + block, j : j + block].mean() for j in range(0, len(finest), block)]
                      for i in range(0, len(finest), block)])  # fmt: skip
    assert np.allclose(image, means / means.max(), rtol=0, atol=1e-14)


def test_the_brain_fills_its_crop():
    assert np.mean(Mri(size=64, crop="brain").load() > 0.1) > 0.85
    assert np.mean(Mri(size=64, crop="full").load() > 0.1) < 0.5


def test_the_head_has_a_dark_rim_on_three_sides():
    head = Mri(size=64, crop="head").load()
    assert max(head[0].max(), head[:, 0].max(), head[:, -1].max()) < 0.05


def test_eeg_channels_have_unit_deviation_as_documented():
    for channel in range(4):
        assert Eeg(size=800, channel=channel).load().std() == pytest.approx(1.0, abs=0.01)


def test_membrane_rests_then_fires():
    rest, firing = Membrane(size=900, start=0, decimate=1).load(), Membrane(size=256).load()
    assert rest.std() < 0.01 < 0.05 < firing.std()
    assert -0.7 < rest.mean() < -0.65
    peaks = np.sum((firing[1:-1] > -0.2) & (firing[1:-1] >= firing[:-2]) & (firing[1:-1] > firing[2:]))
    assert 4 <= peaks <= 10


def test_decimation_averages_neighbours():
    fine, coarse = Eeg(size=12, start=3).load(), Eeg(size=4, start=3, decimate=3).load()
    assert np.allclose(coarse, fine.reshape(4, 3).mean(axis=1), rtol=0, atol=1e-15)


def test_gaussian_depends_on_the_generator_alone():
    first, second = (Gaussian(size=8, scale=3.0).load(np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, second)
    assert np.array_equal(first, 3.0 * np.random.default_rng(5).standard_normal(8))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (Mri(size=50), "does not divide the crop's side 128; choose one of 8, 16, 32, 64, 128"),
        (Mri(size=0), "does not divide"),
        (Eeg(size=801), "samples 0 to 801 are needed but the series has 800"),
        (Eeg(channel=4), "channels 0 to 3"),
        (Membrane(start=-1), "start at least 0"),
        (Membrane(size=12, decimate=1001), "12000"),
        (Gaussian(size=0), "leaves no entry"),
        (Gaussian(size=(2, -1)), "leaves no entry"),
        (Gaussian(size=10**13), "too many"),
        (Gaussian(scale=0.0), "positive"),
        (Values(values=()), "give a non-empty list"),
        (Values(values=(1.0, float("inf"))), "entry 1 is inf"),
        (Values(values=((1.0, 2.0), (3.0,))), "rows of unequal length"),
        (Values(values=("a", "b")), "give real numbers"),
        (Values(values=(1 + 2j,)), "give real numbers"),
    ],
)
def test_bad_parameters_are_refused_with_a_remedy(source, words):
    with pytest.raises(ValueError, match=r".+") as caught:
        source.load(np.random.default_rng(0))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_round_trip(tmp_path):
    image = np.random.default_rng(0).standard_normal((3, 5))
    np.save(tmp_path / "x.npy", image)
    np.savetxt(tmp_path / "x.csv", image, delimiter=",", fmt="%.17g")
    np.savetxt(tmp_path / "x.txt", image, fmt="%.17g", header="a comment")
    for name in ("x.npy", "x.csv", "x.txt"):
        assert np.array_equal(File(file=str(tmp_path / name)).load(), image)
    (tmp_path / "column.csv").write_text("\ufeff1\n2\n3\n", encoding="utf-8")
    assert File(file=str(tmp_path / "column.csv")).load().shape == (3,)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.csv", b"", "the file is empty"),
        ("x.csv", b"# only a comment\n", "the file is empty"),
        ("x.csv", b"1,2\n3\n", "not a readable table"),
        ("x.csv", b"a,b\n1,2\n", "not a readable table"),
        ("x.csv", b"\xff\xfe\x00", "not a readable table"),
        ("x.csv", b"1,nan\n", "entry 1 is nan"),
        ("x.npy", b"", "not a readable table"),
        ("x.npy", b"not numpy at all", "not a readable table"),
        ("x.png", b"", "files of type .png are not read; save it as .npy, .csv or .txt"),
        ("x", b"", "files of type (none)"),
    ],
)
def test_bad_files_are_refused_in_one_line(name, content, words, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=r".+") as caught:
        File(file=str(tmp_path / name)).load()
    assert words in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_directories_and_pickles_are_refused(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        read_array(tmp_path / "no.npy")
    (tmp_path / "d.npy").mkdir()
    with pytest.raises(ValueError, match="is a directory"):
        read_array(tmp_path / "d.npy")
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="not a readable table"):
        read_array(tmp_path / "o.npy")
    np.savez(tmp_path / "z.npz", x=np.ones(2))
    (tmp_path / "z.npz").rename(tmp_path / "z.npy")
    with pytest.raises(ValueError, match="archive of several arrays"):
        read_array(tmp_path / "z.npy")


def test_three_axes_are_no_signal():
    with pytest.raises(ValueError, match=r"shape \(1, 2, 3\) is no signal"):
        as_signal(np.ones((1, 2, 3)), "x")
