"""What is missing of recordings: exactly drawn, honest about how far off it is, and what was recorded is kept."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from autoregressions import SWING, process, window_folder
from hypothesis import given, settings
from hypothesis import strategies as st

from sensegen.artifacts import Artifacts
from sensegen.completion import conditional, files, kinds, tasks
from sensegen.completion.autoregression import Autoregression, Products, fitted, order_at
from sensegen.completion.completer import Completer
from sensegen.completion.levels import Around, Scale, Season
from sensegen.completion.pieces import Assessor
from sensegen.completion.scores import covered, crps
from sensegen.completion.spreads import Spreads, distances
from sensegen.completion.stretches import Stretch, late, of_windows, whole_parts
from sensegen.scaling import Scaling
from sensegen.windows import Windows


def quiet(done: int, total: int, text: str) -> None:
    pass


def some_kind(seed: int = 0) -> Autoregression:
    return fitted(Products.of(process(400, seed), 4, 1.0), 4, 10.0)


def dense(kind: Autoregression, length: int) -> np.ndarray:
    """The precision of a stretch, put together from the definition: a row of the map for each sample."""
    channels = kind.channels
    total = np.zeros((length * channels,) * 2)
    for time in range(length):
        step = order_at(time, kind.order)
        row = np.zeros((channels, length * channels))
        row[:, time * channels : (time + 1) * channels] = np.eye(channels)
        for lag in range(1, step + 1):
            matrix = kind.coefficients[step][(lag - 1) * channels : lag * channels].T
            row[:, (time - lag) * channels : (time - lag + 1) * channels] = -matrix
        total += row.T @ np.linalg.inv(kind.covariances[step]) @ row
    return total


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), share=st.floats(0.1, 0.9))
def test_what_is_missing_has_the_conditional_distribution_to_the_digit(seed, share):
    kind, length = some_kind(), 14
    stream = np.random.default_rng(seed)
    known = stream.random(2 * length) < share
    known[0], known[-1] = True, False
    values = np.where(known, stream.standard_normal(2 * length), 0.0)
    at, ones = np.zeros(length, int), np.ones(length)
    missing = int((~known).sum())
    # Noise that is one place at a time instead of random: what comes out beyond the mean is a root of the covariance.
    noise = SimpleNamespace(standard_normal=lambda shape: np.eye(missing, missing + 1))
    drawn = conditional.drawn(
        conditional.precision([kind], at, ones), np.repeat(values[:, None], missing + 1, axis=1), known, noise
    )
    matrix = dense(kind, length)
    mean = -np.linalg.solve(matrix[np.ix_(~known, ~known)], matrix[np.ix_(~known, known)] @ values[known])
    np.testing.assert_allclose(drawn[:, -1], mean, atol=1e-8)
    apart = drawn[:, :-1] - drawn[:, -1:]
    np.testing.assert_allclose(apart @ apart.T, np.linalg.inv(matrix[np.ix_(~known, ~known)]), atol=1e-7)


def test_chunks_join_without_a_seam(monkeypatch):
    # A process that remembers for long: drawn in chunks of 50 without a memory of the one before, steps would be seen.
    slow = np.array([[[0.99]]])
    kind = fitted(Products.of(process(20_000, 0, slow), 1, 1.0), 1, 1.0)
    monkeypatch.setattr(conditional, "CHUNK", 50)
    series, known = np.zeros((300, 400, 1)), np.zeros((300, 1), bool)
    known[0] = known[-1] = True
    at = np.zeros(300, int)
    conditional.completed([kind], at, np.ones(300), series, known, np.random.default_rng(0))
    steps = np.diff(series[:, :, 0], axis=0).std(axis=1)
    np.testing.assert_allclose(steps, 1.0, rtol=0.2)
    assert not series[[0, -1]].any()


def test_coefficients_and_noise_are_found_again():
    kind = kinds.learned([process(5000, 3)], 0, quiet)[0]
    found = kind.coefficients[kind.order].reshape(kind.order, 2, 2).swapaxes(1, 2)
    np.testing.assert_allclose(found[:2], SWING, atol=0.08)
    assert kind.covariances[kind.order] / np.mean(np.diag(kind.covariances[kind.order])) == pytest.approx(
        np.eye(2), abs=0.1
    )


def test_two_kinds_are_told_apart_whatever_their_loudness():
    other = np.array([[[-0.8, 0.0], [0.0, 0.9]]])
    loud = np.random.default_rng(0).uniform(0.1, 10, 400)
    stretches = [process(128, seed, SWING if seed % 2 else other, loudness) for seed, loudness in enumerate(loud)]
    found = kinds.learned(stretches, 0, quiet)
    assess = Assessor(found)
    told = [assess(stretch, np.ones_like(stretch, bool), quiet) for stretch in stretches[:60]]
    of_kind = [set(np.concatenate([one.kind for one in told[first::2]])) for first in (0, 1)]
    assert not of_kind[0] & of_kind[1]
    # ... and how loud each is, up to what the kind itself stands for.
    measured = np.log([np.sqrt(one.variance.mean()) for one in told[1::2]])
    assert np.corrcoef(measured, np.log(loud[1:60:2]))[0, 1] > 0.99


def test_what_was_recorded_is_kept_to_the_bit_and_a_seed_gives_the_same_draws():
    completer = Completer.learned([Stretch(process(2000, 1), 0.0)], 50.0, None, 0, quiet)
    values = process(300, 2)
    values[np.random.default_rng(0).random(values.shape) < 0.4] = np.nan
    stretch = Stretch(values, 0.0)
    draws = [completer.draws(stretch, 25, 7) for _ in range(2)]
    assert np.array_equal(*draws)
    assert np.array_equal(draws[0][:, 3][stretch.known], values[stretch.known])
    assert not np.array_equal(draws[0], completer.draws(stretch, 25, 8))


def test_more_draws_than_the_memory_holds_are_refused():
    completer = Completer.learned([Stretch(process(500, 1), 0.0)], 50.0, None, 0, quiet)
    with pytest.raises(ValueError, match=r"at most 200,000,000 are held at once. Ask for fewer --draws"):
        completer.draws(Stretch(np.zeros((20_000, 2)), 0.0), 6000, 0)


def test_intervals_hold_the_truth_as_often_as_they_say():
    completer = Completer.learned([Stretch(process(4000, 1), 0.0)], 50.0, None, 0, quiet)
    others = [Stretch(process(200, seed), 0.0) for seed in range(100, 140)]
    for hide in (tasks.every(3), tasks.end(40)):
        honest, inside = completer.measured(others, hide, 0, quiet), []
        for seed in range(10, 30):
            truth = process(200, seed)
            hidden = np.broadcast_to(hide(200), truth.shape)
            draws = honest.draws(Stretch(np.where(hidden, np.nan, truth), 0.0), 100, 0)
            inside.append(covered(draws, truth, 0.9)[hidden].mean())
        assert 0.85 < np.mean(inside) < 0.95


def test_spreads_that_are_too_narrow_are_made_good():
    stream = np.random.default_rng(0)
    known = np.zeros((400, 2), bool)
    known[::4] = True
    truths = [3 * stream.standard_t(4, (400, 2)) for _ in range(6)]
    trials = [(stream.standard_normal((400, 100, 2)), truth, known) for truth in truths[:5]]
    draws = stream.standard_normal((400, 100, 2))
    honest = Spreads.measured(trials).applied(draws, known)
    assert covered(draws, truths[5], 0.9)[~known].mean() < 0.5
    assert 0.85 < covered(honest, truths[5], 0.9)[~known].mean() < 0.95
    assert crps(honest, truths[5])[~known].mean() < 0.9 * crps(draws, truths[5])[~known].mean()
    assert np.array_equal(honest.swapaxes(1, 2)[known], draws.swapaxes(1, 2)[known])


def test_few_hidden_values_measure_nothing():
    known = np.ones((20, 1), bool)
    known[5] = False
    with pytest.raises(ValueError, match="200 values must be left out, but there are 1"):
        Spreads.measured([(np.zeros((20, 10, 1)), np.zeros((20, 1)), known)])


def test_distance_is_to_the_nearest_known_sample_of_the_channel():
    known = np.array([[True, False], [False, False], [False, True], [False, False], [True, False]])
    assert distances(known).T.tolist() == [[0, 1, 2, 1, 0], [2, 1, 0, 1, 2]]


def test_the_score_is_that_of_a_normal_distribution_and_of_one_draw_the_error():
    draws = np.random.default_rng(0).standard_normal((1, 200_000, 1))
    assert crps(draws, np.zeros((1, 1)))[0, 0] == pytest.approx((np.sqrt(2) - 1) / np.sqrt(np.pi), abs=0.003)
    assert crps(np.full((1, 1, 1), 2.0), np.zeros((1, 1)))[0, 0] == 2.0


def test_counts_come_back_as_whole_numbers_that_are_never_below_nought():
    counts = np.random.default_rng(0).poisson(2.0, (300, 3)).astype(float)
    completer = Completer.learned([Stretch(counts, 0.0)], 1.0, None, 0, quiet)
    draws = completer.draws(Stretch(np.concatenate([counts, np.full((30, 3), np.nan)]), 0.0), 50, 0)
    assert (draws >= 0).all()
    assert np.array_equal(draws, np.round(draws))
    assert draws[-20:].mean() == pytest.approx(2.0, abs=0.4)
    assert not Scale.of(counts - 0.5).counts.any()


def test_a_season_is_gone_on_with_and_needs_a_whole_one():
    time = np.arange(400)
    values = np.stack([10 + 3 * np.sin(2 * np.pi * time / 50), np.cos(2 * np.pi * time / 50)], axis=1)
    values += 0.1 * np.random.default_rng(0).standard_normal(values.shape)
    completer = Completer.learned([Stretch(values[:300], 0.0)], 1.0, 50.0, 0, quiet)
    shown = np.where((time >= 300)[:, None], np.nan, values)
    told = np.median(completer.draws(Stretch(shown, 0.0), 50, 0), axis=1)
    assert np.abs(told - values)[300:].mean() < 0.15
    scaled = (values[:30], np.ones((30, 2), bool), 0.0)
    with pytest.raises(ValueError, match="recordings longer than that"):
        Season.of([scaled], 1.0, 50.0)


def test_a_level_is_that_around_and_goes_on_after_the_last_sample():
    values = np.repeat([[1.0], [5.0]], 300, axis=0)
    known = np.ones_like(values, bool)
    known[550:] = False
    levels = Around()(values, known, 0.0, 1.0)
    assert levels[[0, 150, 450, 599], 0].tolist() == pytest.approx([1, 1, 5, 5])


def test_too_short_to_learn_from_is_refused():
    with pytest.raises(ValueError, match="at least 10 samples, but one has 3"):
        Completer.learned([Stretch(process(3, 0), 0.0)], 1.0, None, 0, quiet)


# --- tasks


def test_gaps_are_hidden_as_the_recording_has_them_one_after_the_other():
    missing = np.zeros((100, 2), bool)
    missing[20:25, 0] = missing[70:72] = True
    hide = tasks.alike(missing)
    first, second = hide(40), hide(40)
    assert (first.sum(axis=0).tolist(), second.sum(axis=0).tolist()) == ([5, 0], [2, 2])
    assert first[17:23, 0].any()
    assert second[19:21].any()


def test_densifying_keeps_samples_in_place_and_extrapolating_adds_some():
    stretch = Stretch(np.arange(6.0).reshape(3, 2), 5.0)
    dense_ = tasks.Densify(4).opened(stretch, 10.0)
    assert (len(dense_.values), dense_.values[::4].tolist()) == (9, stretch.values.tolist())
    assert np.isnan(tasks.Extrapolate(0.5).opened(stretch, 10.0).values[3:]).sum() == 10
    with pytest.raises(ValueError, match="at least a sample"):
        tasks.Extrapolate(0.01).opened(stretch, 10.0)
    with pytest.raises(ValueError, match="Nothing is missing"):
        tasks.Fill().opened(stretch, 10.0)


# --- stretches of windows and files


def test_windows_are_put_together_by_person_and_activity(tmp_path):
    signals = np.arange(200.0).reshape(100, 2)
    rows = [[10, 0, 0], [0, 0, 0], [5, 0, 0], [30, 0, 0], [35, 1, 0], [45, 1, 1]]
    window_folder(tmp_path, signals, {"fit": rows}, 10)
    folder = Artifacts(tmp_path).window
    found = of_windows(Windows.open(folder / "fit"), Scaling.load(folder))
    assert [(one.start_s, len(one.values)) for one in found] == [(0, 20), (0.6, 10), (0.7, 10), (0.9, 10)]
    np.testing.assert_allclose(found[0].values, signals[:20] * [2.0, 1.0] + [1.0, 0.0])


def test_parts_without_gaps_know_when_they_begin():
    values = np.ones((30, 1))
    values[[4, 20]] = np.nan
    found = whole_parts(Stretch(values, 2.0), 10.0, 5)
    assert [(one.start_s, len(one.values)) for one in found] == [(2.5, 15), (pytest.approx(4.1), 9)]


def test_what_was_known_late_ends_in_the_last_share_and_knows_when_it_begins():
    found = late(Stretch(np.arange(1000.0)[:, None], 5.0), 10.0, 0.2)
    assert {one.values[-1, 0] >= 899 for one in found} == {True} and found[-1].values[-1, 0] == 999
    assert [one.start_s for one in found] == [5.0 + one.values[0, 0] / 10 for one in found]
    assert max(len(one.values) for one in found) == 256


def table(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_empty_cells_and_rows_left_out_are_gaps_of_a_regular_grid(tmp_path):
    text = "time_s,acc_x [g],acc_y\n0.02,1.5,2\n0.0,1,\n0.0405,3,4\n0.1,7,8\n"
    found = files.on_grid(files.read_table(table(tmp_path / "a.csv", text)))
    assert (found.channels, found.units, found.rate_hz) == (("acc_x", "acc_y"), ("g", ""), pytest.approx(48.8, abs=0.1))
    np.testing.assert_array_equal(
        found.stretch.values, [[1, np.nan], [1.5, 2], [3, 4], [np.nan, np.nan], [np.nan, np.nan], [7, 8]]
    )


def test_of_two_samples_at_one_point_none_is_lost(tmp_path):
    rows = [f"{at},{at}," for at in range(300)] + ["7.2,9,", "8.2,,5"]
    found = files.on_grid(files.read_table(table(tmp_path / "a.csv", "\n".join(["time_s,x,y", *rows]) + "\n")))
    assert (found.stretch.values[7, 0], found.stretch.values[8].tolist()) == (8, [8, 5])


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.txt", "time_s,x\n0,1\n", r"must end with one of \.parquet, \.csv, or have a --description"),
        ("a.csv", "t,x\n0,1\n", "time_s"),
        ("a.csv", "time_s\n0\n", "one a channel"),
        ("a.csv", "time_s,x\n0,1\n1,two\n", r"line 3"),
        ("a.csv", "time_s,x\n0,1\n,2\n", "every row must have its time"),
        ("a.csv", "time_s,x [g],x\n0,1,2\n1,1,2\n", "several of x"),
        ("a.csv", "time_s,x\n3,1\n", "two samples with different times"),
        ("a.csv", "time_s,x\n0,1\n1,2\n2,2\n1e9,3\n", "at most 10,000,000 are taken"),
        ("a.csv", "time_s,x\n" + "".join(f"{at - 0.8 * (at % 4 == 3)},1\n" for at in range(60)), "near a grid"),
        ("a.parquet", "no parquet", "no Parquet file, or was cut off"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_words(tmp_path, name, text, told):
    with pytest.raises(ValueError, match=told):
        files.on_grid(files.read_table(table(tmp_path / name, text)))
