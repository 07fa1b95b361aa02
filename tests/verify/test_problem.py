"""From a problem file to arrays: what is built is what the file says, and everything done to the input is said."""

import hashlib
import json

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import aslinearoperator

from numerics.operators import OPERATORS
from numerics.operators.linear_operator import FromLinearOperator
from numerics.signals import SIGNALS, Mri
from theory.activations import ACTIVATIONS
from verify.problem import Problem, ProblemError, build, child_generator, load, parse

BASE = {
    "signal": {"source": "gaussian", "size": 6},
    "operator": {"kind": "gaussian", "m": 4},
    "noise": {"relative": 0.05},
    "network": {"width": 20},
}


def edited(changes, base=BASE):
    data = json.loads(json.dumps(base))
    for path, value in changes.items():
        *tables, key = path.split(".")
        table = data
        for name in tables:
            table = table.setdefault(name, {})
        table[key] = value
    return data


def built(changes=None, seed=None, base=BASE) -> Problem:
    return build(parse(edited(changes or {}, base)), seed)


def clean_of(problem):
    return problem.operator.matvec(problem.truth)


# --- what is built ----------------------------------------------------------------------------------------------------


def test_the_data_are_operator_times_truth_plus_noise():
    p = built()
    assert np.array_equal(p.y, clean_of(p) + p.noise)
    assert p.noise_norm.direction == "upper"
    assert p.noise_norm.value == pytest.approx(np.linalg.norm(p.noise), rel=1e-12)
    assert p.noise_norm.value >= np.linalg.norm(p.noise)
    assert (p.projected, p.notes) == (0.0, ())
    assert p.forward.shape == (4, 6)
    assert p.network.a.shape == (20,)
    assert p.network.V.shape == (6, 20)


@pytest.mark.parametrize("name", sorted(set(OPERATORS) - {"linear_operator"}))
def test_every_operator_kind_builds_from_a_file(name, tmp_path):
    matrix = np.random.default_rng(0).standard_normal((3, 6))
    scipy.sparse.save_npz(tmp_path / "A.npz", scipy.sparse.csr_array(matrix))
    np.save(tmp_path / "A.npy", matrix)
    tables = {
        "blur": "std = 0.5",
        "compose": '[[operator.parts]]\nkind = "subsample"\nevery = 2\n[[operator.parts]]\nkind = "blur"\nstd = 0.5',
        "dense": 'file = "A.npy"',
        "fourier": "fraction = 0.5",
        "fourier_synthesis": "power = 0.5",
        "gaussian": "m = 3",
        "identity": "",
        "sparse": 'file = "A.npz"',
        "subsample": "every = 2",
    }
    path = tmp_path / "p.toml"
    path.write_text(
        f'[signal]\nsource = "gaussian"\nsize = 6\n[network]\nwidth = 5\n[operator]\nkind = "{name}"\n{tables[name]}\n'
    )
    spec = load(path)
    p = build(spec)
    assert spec.resolved()["operator"]["kind"] == name
    x = np.random.default_rng(1).standard_normal(6)
    assert np.allclose(p.forward @ x, p.operator.matvec(x), rtol=0, atol=1e-13)
    if name in ("dense", "sparse"):
        assert np.array_equal(p.forward, matrix)


def test_parts_are_applied_right_to_left():
    parts = [{"kind": "subsample", "indices": [0, 3]}, {"kind": "blur", "std": 0.7, "radius": 2}]
    p = built({"operator": {"kind": "compose", "parts": parts}})
    blurred = OPERATORS["blur"](std=0.7, radius=2).build((6,), np.random.default_rng(0)).matvec(p.truth)
    assert np.allclose(clean_of(p), blurred[[0, 3]], rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", sorted(set(SIGNALS) - {"file", "values"}))
def test_every_signal_is_the_truth_flattened(name):
    size = {"size": [4, 4]} if name == "gaussian" else {"size": 16}
    p = built({"signal": {"source": name, **size}, "operator": {"kind": "identity"}})
    expected = SIGNALS[name](**{k: tuple(v) if isinstance(v, list) else v for k, v in size.items()})
    assert np.array_equal(p.truth, expected.load(child_generator(0, "signal")).ravel())
    assert p.signal_shape == p.observation_shape == expected.load(child_generator(0, "signal")).shape


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_activation_is_accepted(name):
    assert built({"network.activation": name}).network.activation.name == name


def test_effective_operator_is_scale_times_operator_times_synthesis():
    p = built({"synthesis": {"omega0": 1.5, "power": 0.8}, "network.output_scale": 3.0})
    A, S = p.operator.toarray(), p.synthesis.toarray()
    assert np.allclose(p.forward, 3.0 * A @ S, rtol=0, atol=1e-13 * np.abs(p.forward).max())
    P, sigma, U = p.svd.P, p.svd.sigma, p.svd.U
    assert np.allclose((P * sigma) @ U.T, p.forward, rtol=0, atol=1e-13)
    assert np.array_equal(p.y, A @ p.truth + p.noise)


def test_real_image_with_blur_and_synthesis():
    p = built(
        {"signal": {"source": "mri", "size": 16}, "operator": {"kind": "blur", "std": 0.8}, "synthesis": {}}
    )  # fmt: skip
    assert p.signal_shape == p.observation_shape == (16, 16)
    assert np.array_equal(p.truth.reshape(16, 16), Mri(size=16).load())
    assert p.svd.rank == 256
    assert p.spec.resolved()["synthesis"]["kind"] == "fourier_synthesis"


def test_operators_made_in_python_are_accepted():
    matrix = np.random.default_rng(0).standard_normal((3, 6))
    p = build(parse({**BASE, "operator": FromLinearOperator(aslinearoperator(matrix))}))
    assert np.array_equal(p.forward, matrix)
    assert p.spec.hash() == p.spec.hash()
    assert "3 x 6" in json.dumps(p.spec.resolved())


@pytest.mark.parametrize("wrap", [aslinearoperator, scipy.sparse.csr_array, np.array])
@pytest.mark.parametrize("inside", [False, True])
def test_the_operator_of_a_dictionary_may_be_the_thing_itself(wrap, inside):
    matrix = np.random.default_rng(0).standard_normal((3, 6))
    given = {"kind": "linear_operator", "operator": wrap(matrix), "output_shape": [3, 1]} if inside else wrap(matrix)
    p = build(parse({**BASE, "operator": given}))
    assert np.array_equal(p.forward, matrix)
    assert p.observation_shape == ((3, 1) if inside else (3,))


def test_what_is_wrong_with_an_operator_of_pythons_is_said():
    operator = {"kind": "linear_operator", "operator": np.ones((2, 6))}
    with pytest.raises(ProblemError, match="rank"):  # deficient
        build(parse({**BASE, "operator": operator}))
    assert build(parse({**BASE, "operator": {**operator, "rank": "truncate"}})).svd.rank == 1
    with pytest.raises(ProblemError, match="unknown key 'output_shap'"):
        parse({**BASE, "operator": {**operator, "output_shap": [2]}})
    with pytest.raises(ProblemError, match="from Python"):
        parse({**BASE, "operator": {"kind": "linear_operator", "operator": "name"}})


def test_numbers_may_be_those_of_numpy():
    data = {"operator": {"kind": "dense", "values": np.eye(2, 3)}, "network": {"width": np.int64(8)}}
    observed = {"values": np.array([0.1, 0.2]), "signal_shape": (np.int64(3),)}
    p = build(parse({**data, "observation": observed, "noise": {"norm": np.float64(0.05)}}))
    assert np.array_equal(p.y_raw, [0.1, 0.2])
    assert p.noise_norm.value == 0.05
    assert p.network.a.size == 8
    with pytest.raises(ProblemError, match="norm"):
        parse({**data, "observation": observed, "noise": {"norm": np.float64(np.nan)}})


def test_the_network_starts_at_zero_when_antisymmetric():
    p = built({"network.antisymmetric": True})
    # Equal up to the order in which the products are summed.
    assert np.abs(p.network.output()).max() <= 1e-15
    assert np.array_equal(p.network.a[:10], p.network.a[10:])
    assert np.array_equal(p.network.V[:, :10], -p.network.V[:, 10:])


# --- seeds ------------------------------------------------------------------------------------------------------------


def drawn(p):
    return {"signal": p.truth, "operator": p.forward, "noise": p.noise, "W": p.network.a, "V": p.network.V}


@pytest.mark.parametrize(
    ("changes", "touched"),
    [
        ({"noise.relative": 0.1}, {"noise"}),
        ({"network.init": {"W_std": 2.0}}, {"W"}),
        ({"network.input": [1.0, 0.0]}, {"W"}),
        ({"network.init": {"V": "uniform"}}, {"V"}),
        ({"network.width": 22}, {"W", "V"}),
        ({"network.activation": "sin", "network.train": "W"}, set()),
        ({"operator.scale": "1"}, {"operator", "noise"}),
        ({"signal.scale": 2.0}, {"signal", "noise"}),
        ({"seed": 1}, {"signal", "operator", "noise", "W", "V"}),
    ],
)
def test_changing_one_thing_leaves_the_other_draws_alone(changes, touched):
    before, after = drawn(built()), drawn(built(changes))
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == touched


def test_noise_direction_depends_on_its_seed_alone():
    unit = [p.noise / np.linalg.norm(p.noise) for p in (built(), built({"signal.scale": 5.0, "noise.relative": 0.3}))]
    assert np.allclose(*unit, rtol=0, atol=1e-15)


def test_the_seed_argument_wins_and_is_recorded():
    by_file, by_argument = built({"seed": 7}), built(seed=7)
    assert all(np.array_equal(by_file.__dict__[k], by_argument.__dict__[k]) for k in ("y", "truth", "forward", "noise"))
    assert by_argument.spec.hash() == by_file.spec.hash() != built().spec.hash()
    for bad in (-1, 1.5, True, "1"):
        with pytest.raises(ProblemError, match=r"the seed .* is not an integer of at least 0"):
            built(seed=bad)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**63), names=st.lists(st.text(max_size=8), min_size=2, max_size=5, unique=True))
def test_child_generators_are_reproducible_and_distinct(seed, names):
    first = [child_generator(seed, name).integers(0, 2**63) for name in names]
    assert first == [child_generator(seed, name).integers(0, 2**63) for name in names]
    assert len(set(first)) == len(names)


# --- identity of a problem --------------------------------------------------------------------------------------------


def test_resolved_is_complete_canonical_and_parses_to_itself():
    spec = parse(BASE)
    resolved = spec.resolved()
    assert resolved["network"]["activation"] == "tanh"
    assert resolved["operator"] == {"kind": "gaussian", "m": 4, "scale": "n", "rank": "full"}
    text = json.dumps(resolved, sort_keys=True, separators=(",", ":"), allow_nan=False)
    assert spec.hash() == hashlib.sha256(text.encode()).hexdigest()
    again = {key: value for key, value in resolved.items() if value is not None and key != "files"}
    assert parse(again).hash() == spec.hash()


def test_hash_ignores_order_and_place_and_sees_every_change(tmp_path):
    reordered = {key: BASE[key] for key in reversed(BASE)}
    assert parse(reordered).hash() == parse(BASE).hash() == parse(BASE, base=tmp_path).hash()
    explicit = edited({"seed": 0, "title": "", "network.activation": "tanh", "loss.kind": "least_squares"})
    assert parse(explicit).hash() == parse(BASE).hash()
    changes = [{"seed": 1}, {"title": "x"}, {"network.width": 21}, {"operator.rank": "truncate"}, {"stop.tau": 1.6},
               {"noise.relative": 0.06}, {"synthesis.power": 1.0}, {"flow.t_max": 5.0}, {"signal.size": 7}]  # fmt: skip
    hashes = {parse(edited(change)).hash() for change in changes}
    assert len(hashes | {parse(BASE).hash()}) == len(changes) + 1


def test_hash_sees_the_content_of_files_and_not_their_place(tmp_path):
    hashes = []
    for place, first in (("a", 1.0), ("b", 1.0), ("c", 2.0)):
        (tmp_path / place).mkdir()
        np.save(tmp_path / place / "x.npy", np.array([first, 2.0, 3.0]))
        data = edited({"signal": {"source": "file", "file": "x.npy"}})
        hashes.append(parse(data, base=tmp_path / place).hash())
    assert hashes[0] == hashes[1] != hashes[2]


def test_files_are_found_beside_the_problem_file(tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    np.save(tmp_path / "deep" / "x.npy", np.arange(4.0))
    np.savetxt(tmp_path / "deep" / "e.csv", [0.1, 0.2, 0.3, 0.4])
    (tmp_path / "deep" / "p.toml").write_text(
        '[signal]\nsource = "file"\nfile = "x.npy"\n[operator]\nkind = "identity"\n'
        '[noise]\nfile = "e.csv"\n[network]\nwidth = 3\n'
    )
    monkeypatch.chdir(tmp_path)
    p = build(load("deep/p.toml"))
    assert np.array_equal(p.truth, np.arange(4.0))
    assert np.array_equal(p.noise, [0.1, 0.2, 0.3, 0.4])


# --- noise ------------------------------------------------------------------------------------------------------------


def test_relative_noise_has_the_documented_deviation():
    p = built({"signal.size": 3000, "operator": {"kind": "subsample", "every": 1}, "network.width": 2})
    deviation = 0.05 * np.linalg.norm(clean_of(p)) / np.sqrt(3000)
    assert np.std(p.noise) == pytest.approx(deviation, rel=0.06)


def test_level_and_norm_and_values():
    by_level = built({"noise": {"level": 0.2}})
    assert np.array_equal(by_level.noise, 0.2 * child_generator(0, "noise").standard_normal(4))
    by_norm = built({"noise": {"norm": 0.7}})
    assert np.linalg.norm(by_norm.noise) == pytest.approx(0.7, rel=1e-14)
    by_values = built({"noise": {"values": [1, 2.5, 0, 0]}})
    assert np.array_equal(by_values.noise, [1.0, 2.5, 0.0, 0.0])


def test_simulated_data_without_noise_are_exact():
    data = edited({})
    del data["noise"]
    p = build(parse(data))
    assert np.array_equal(p.y, clean_of(p))
    assert (p.noise_norm.value, p.noise_norm.direction) == (0.0, "exact")


MEASURED = {
    "observation": {"values": [1.0, 2.0]},
    "operator": {"kind": "dense", "values": [[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]]},
    "network": {"width": 4},
}


def test_unknown_noise_is_not_invented():
    p = built(base=MEASURED)
    assert p.noise is None
    assert p.noise_norm is None
    assert p.truth is None
    assert p.signal_shape == (3,)
    assert any("not known" in note and "not evaluable" in note for note in p.notes)


def test_a_known_noise_norm_is_kept_exactly():
    p = built({"noise": {"norm": 0.25}}, base=MEASURED)
    assert p.noise is None
    assert (p.noise_norm.value, p.noise_norm.direction) == (0.25, "exact")
    assert p.notes == ()


def test_a_known_noise_vector_is_not_added_to_measured_data():
    p = built({"noise": {"values": [0.5, -0.5]}}, base=MEASURED)
    assert np.array_equal(p.y, [1.0, 2.0])
    assert np.array_equal(p.noise, [0.5, -0.5])


@pytest.mark.parametrize(
    ("operator", "values", "shape", "expected"),
    [
        ({"kind": "blur", "std": 0.5}, [[1.0, 2.0, 3.0, 4.0, 5.0]] * 5, None, (5, 5)),
        ({"kind": "subsample", "indices": [0, 5]}, [1.0, 2.0], [2, 3], (2, 3)),
        ({"kind": "gaussian", "m": 2}, [1.0, 2.0], [5], (5,)),
        ({"kind": "compose", "parts": [{"kind": "identity"}, {"kind": "dense", "values": [[1.0, 2.0, 3.0]]}]}, [1.0],
         None, (3,)),
    ],
)  # fmt: skip
def test_shape_of_an_unknown_signal(operator, values, shape, expected):
    observation = {"values": values} | ({"signal_shape": shape} if shape else {})
    assert built({"operator": operator, "observation": observation}, base=MEASURED).signal_shape == expected


# --- projection and rank ----------------------------------------------------------------------------------------------

TALL = {"operator": {"kind": "gaussian", "m": 9}}


def test_data_outside_the_range_are_projected_and_said_so():
    p = built(TALL)
    A = p.forward
    solution = np.linalg.lstsq(A, p.y_raw, rcond=None)[0]
    assert np.allclose(p.y, A @ solution, rtol=0, atol=1e-13)
    assert np.linalg.norm(A.T @ (p.y_raw - p.y)) <= 1e-13
    assert p.projected == pytest.approx(np.linalg.norm(p.y_raw - p.y), rel=1e-13)
    assert len(p.notes) == 1
    assert f"{p.projected:.6g}" in p.notes[0]
    # ε becomes Πε: what is left between the data and A x̄.
    assert np.allclose(p.noise, p.y - clean_of(p), rtol=0, atol=1e-15)
    raw = p.y_raw - clean_of(p)
    assert np.linalg.norm(p.noise) < np.linalg.norm(raw)
    assert p.noise_norm.as_upper() >= np.linalg.norm(p.noise)


def test_exact_data_of_a_tall_operator_are_not_said_to_be_projected():
    data = edited(TALL)
    del data["noise"]
    p = build(parse(data))
    assert p.projected == 0.0
    assert p.notes == ()
    assert np.allclose(p.y, p.y_raw, rtol=0, atol=1e-14)


def test_weighted_losses_are_projected_in_their_own_metric():
    w = np.array([1.0, 100.0, 0.01, 3.0, 7.0, 1.0, 1.0, 20.0, 0.5])
    p = built({**TALL, "loss": {"kind": "weighted_least_squares", "weights": list(w)}})
    A = p.forward
    expected = A @ np.linalg.solve(A.T @ (w[:, None] * A), A.T @ (w * p.y_raw))
    assert np.allclose(p.y, expected, rtol=0, atol=1e-11)
    # The flow is that of the raw data: the gradients Tᵀ∇L agree at every v.
    v = np.random.default_rng(0).standard_normal(9)
    raw, projected = A.T @ p.loss.grad(v, p.y_raw), A.T @ p.loss.grad(v, p.y)
    assert np.allclose(raw, projected, rtol=0, atol=1e-11 * np.abs(raw).max())
    # The orthogonal projection would change the problem.
    orthogonal = A @ np.linalg.lstsq(A, p.y_raw, rcond=None)[0]
    assert np.abs(A.T @ p.loss.grad(v, orthogonal) - raw).max() > 1e-3
    assert "metric of the weights" in p.notes[0]


def test_a_given_noise_norm_survives_the_projection_from_above():
    rng = np.random.default_rng(3)
    matrix, noise = rng.standard_normal((5, 2)), 0.1 * rng.standard_normal(5)
    w = [1.0, 30.0, 0.2, 1.0, 2.0]
    y = list(matrix @ [1.0, -1.0] + noise)
    operator = {"kind": "dense", "values": matrix.tolist()}
    base = {**MEASURED, "observation": {"values": y}, "operator": operator}
    base["noise"] = {"norm": float(np.linalg.norm(noise))}
    plain = built(base=base)
    weighted = built({"loss": {"kind": "weighted_least_squares", "weights": w}}, base=base)
    for p in (plain, weighted):
        assert p.noise_norm.direction == "upper"
        assert p.noise_norm.value >= np.linalg.norm(p.y - matrix @ [1.0, -1.0])
    # an orthogonal projection: what it removed is no longer noise (Pythagoras)
    rest = np.sqrt(np.linalg.norm(noise) ** 2 - plain.projected**2)
    assert plain.noise_norm.value == pytest.approx(rest, rel=1e-7)
    assert weighted.noise_norm.value == pytest.approx(np.linalg.norm(noise) * np.sqrt(30.0 / 0.2), rel=1e-12)
    known = built({"noise": {"values": list(noise)}}, base=base)
    assert np.allclose(known.noise, known.y - matrix @ [1.0, -1.0], rtol=0, atol=1e-13)


def test_rank_deficient_operators_are_refused_or_truncated():
    matrix = [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 1.0, 0.0]]
    changes = {"signal.size": 3, "operator": {"kind": "dense", "values": matrix}}
    with pytest.raises(ProblemError, match=r'rank 2 of 3 .*rank = "truncate"'):
        built(changes)
    p = built({**changes, "operator": {"kind": "dense", "values": matrix, "rank": "truncate"}})
    assert p.svd.rank == 2
    assert any("truncated" in note for note in p.notes)
    assert np.allclose(p.forward, matrix, rtol=0, atol=1e-14)
    assert np.linalg.norm(p.y - p.svd.P @ (p.svd.P.T @ p.y)) <= 1e-13
    assert p.spec.resolved()["operator"]["rank"] == "truncate"


def test_a_blur_that_loses_everything_says_what_to_do():
    two = {"kind": "blur", "taps": [1.0, 1.0]}  # the highest frequency of 64 is lost
    changes = {"signal.size": 64, "operator": two}
    with pytest.raises(ProblemError, match=r'blur less.*rank = "truncate"'):
        built(changes)
    p = built({**changes, "operator": {**two, "rank": "truncate"}})
    assert p.svd.rank == 63
    # Data and truth now belong to different operators; the difference counts as noise, and is said.
    assert np.allclose(p.noise, p.y - clean_of(p), rtol=0, atol=1e-15)
    assert p.projected > 0


# --- weights and input ------------------------------------------------------------------------------------------------


def test_one_weight_is_a_weight_for_each_entry(tmp_path):
    np.save(tmp_path / "w.npy", np.full(4, 2.0))
    kind = "weighted_least_squares"
    one, listed = (built({"loss": {"kind": kind, "weights": w}}) for w in (2.0, [2.0] * 4))
    stored = build(parse(edited({"loss": {"kind": kind, "file": "w.npy"}}), base=tmp_path))
    for p in (one, listed, stored):
        assert np.array_equal(p.loss.weights, np.full(4, 2.0))


def test_an_explicit_input_is_normalised_and_said_so():
    unit, scaled, tiny = (built({"network.input": [s * 0.6, s * 0.8]}) for s in (1.0, 10.0, 1e-200))
    assert unit.notes == ()
    assert "normalised to length 1 (it had 10)" in scaled.notes[0]
    assert "1e-200" in tiny.notes[0]
    for p in (scaled, tiny):
        assert np.allclose(p.network.a, unit.network.a, rtol=0, atol=1e-14)
    W = child_generator(0, "W").standard_normal((20, 2))
    assert np.allclose(unit.network.a, W @ [0.6, 0.8], rtol=0, atol=1e-14)
    paired = built({"network.input": [3.0, 4.0], "network.antisymmetric": True, "network.init": {"W_std": 2.0}})
    assert np.array_equal(paired.network.a[:10], paired.network.a[10:])
    assert np.allclose(paired.network.a[:10], 2.0 * unit.network.a[:10], rtol=0, atol=1e-14)


def test_a_long_input_needs_no_memory_for_W():
    p = built({"network.input": [1.0] * 3000, "network.width": 700})
    W = child_generator(0, "W").standard_normal((700, 3000))
    assert np.allclose(p.network.a, W.sum(axis=1) / np.sqrt(3000), rtol=0, atol=1e-12)


def test_a_noise_norm_below_what_the_projection_removed_is_impossible() -> None:
    """What lies outside the range of the operator can only be noise: a smaller ‖ε‖ is refused, a larger one sharpened."""
    data = {
        "observation": {"values": [1.0, 2.0, 3.0, 4.0]},
        "operator": {"kind": "dense", "values": [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, -1.0]]},
        "network": {"width": 8},
    }
    with pytest.raises(ProblemError, match="can only be noise; give a norm of at least that"):
        build(parse({**data, "noise": {"norm": 0.1}}))
    problem = build(parse({**data, "noise": {"norm": 3.0}}))
    assert problem.noise_norm is not None
    assert problem.noise_norm.as_upper() == pytest.approx(np.sqrt(9.0 - problem.projected**2), rel=1e-6)
    assert problem.noise_norm.as_upper() >= np.sqrt(9.0 - problem.projected**2)


@pytest.mark.parametrize("kind", ["log_cosh", "lp", "lojasiewicz"])
def test_a_loss_that_cannot_be_run_is_refused_however_it_comes(kind):
    """Past the door too: a specification altered in Python must not get the guarantees of least squares."""
    spec = parse(
        {"signal": {"source": "gaussian", "size": 4}, "operator": {"kind": "identity"}, "network": {"width": 8}}
    )
    altered = spec.model_copy(update={"loss": spec.loss.model_copy(update={"kind": kind})})
    with pytest.raises(ProblemError, match="cannot be run yet; use one of least_squares, weighted_least_squares"):
        build(altered)
