"""Neighbours are the nearest ones, and a generator that repeats what it was trained on is found."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from sensegen.evaluation import neighbours
from sensegen.evaluation.interval import merge
from sensegen.evaluation.memorisation import memorisation
from sensegen.evaluation.neighbours import DOMAINS, in_spectrum, in_time, nearest, nearest_other
from sensegen.windows import StoredValues, Windows

SMALL = arrays(np.float32, (6, 5, 2), elements=st.floats(-100, 100, width=32))


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads that share a few hundred windows wait for each other, for seconds where the machine is busy."""
    with threadpool_limits(limits=1):
        yield


def process(seed: int, windows: int = 240, length: int = 24, spread: tuple[float, ...] = (1.0, 0.05)) -> Windows:
    """Windows of one random process a class, smooth noise, of another size in each class."""
    stream = np.random.default_rng(seed)
    labels = np.arange(windows) % len(spread)
    noise = stream.normal(size=(windows, length + 4, 2))
    smooth = np.stack([noise[:, lag : lag + length] for lag in range(5)]).mean(axis=0)
    values = (smooth * np.array(spread)[labels][:, None, None]).astype(np.float32)
    names = tuple(f"class {at}" for at in range(len(spread)))
    return Windows(values, labels, ("S",) * windows, ("a", "b"), names, 24.0, ("g", "g"))


def bootstrap(windows: Windows, seed: int = 0) -> Windows:
    """As many windows, each a copy of a random one."""
    return windows.select(np.random.default_rng(seed).integers(len(windows), size=len(windows)))


def phase_randomised(windows: Windows, seed: int = 0) -> Windows:
    """Each window with the spectrum it had and phases of its own."""
    spectrum = np.fft.rfft(windows.values, axis=1)
    phase = np.random.default_rng(seed).uniform(0, 2 * np.pi, spectrum.shape)
    phase[:, [0, -1]] = 0
    values = np.fft.irfft(spectrum * np.exp(1j * phase), n=windows.values.shape[1], axis=1)
    return replace(windows, values=values.astype(np.float32))


def jittered(windows: Windows, share: float, seed: int = 0) -> Windows:
    """Each window with noise of a share of its class's standard deviation."""
    scale = np.array([windows.values[windows.labels == label].std() for label in range(len(windows.classes))])
    noise = np.random.default_rng(seed).normal(size=windows.values.shape) * scale[windows.labels][:, None, None]
    return replace(windows, values=(windows.values + share * noise).astype(np.float32))


def judged(synthetic: Windows) -> dict:
    return memorisation(synthetic, process(0), process(1), seed=0)


@settings(max_examples=10)
@given(SMALL, SMALL)
def test_the_nearest_neighbour_is_the_nearest_of_all_pairs(queries, reference):
    found = nearest(queries, reference, in_time)
    flat = [side.reshape(6, -1).astype(np.float64) for side in (queries, reference)]
    pairs = cdist(*flat) / np.sqrt(10)
    assert found.distance == pytest.approx(pairs.min(axis=1), abs=1e-5)
    assert pairs[np.arange(6), found.index] == pytest.approx(found.distance, abs=1e-9)


@settings(max_examples=10)
@given(SMALL, SMALL)
def test_a_distance_in_spectrum_is_never_above_the_one_in_time(queries, reference):
    in_both = [nearest(queries, reference, represent).distance for represent in (in_spectrum, in_time)]
    assert (in_both[0] <= in_both[1] * (1 + 1e-5) + 1e-4).all()


@pytest.mark.parametrize("length", [7, 8])
def test_a_spectrum_has_the_sum_of_squares_of_the_samples(length):
    values = np.random.default_rng(0).normal(size=(3, length, 2))
    assert np.square(in_spectrum(values)).sum(axis=1) == pytest.approx(np.square(values).sum(axis=(1, 2)), rel=1e-5)


def test_a_shift_of_all_values_by_two_is_a_distance_of_two():
    values = process(0).values[:1]
    assert nearest(values + 2, values, in_time).distance == pytest.approx([2.0])


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_a_copy_is_at_no_distance_however_far_from_zero(offset):
    values = process(0).values + np.float32(offset)
    found = nearest(values[::-1], values, in_time)
    assert (found.distance == 0).all() and np.array_equal(found.index, np.arange(len(values))[::-1])


def test_a_window_turned_round_in_time_is_at_no_distance_in_spectrum_alone():
    values = process(0).values
    turned = np.roll(values, 5, axis=1)
    assert nearest(turned, values, in_spectrum).distance.max() < 1e-6
    assert np.median(nearest(turned, values, in_time).distance) > 0.01


def test_the_nearest_other_is_not_the_window_itself_but_may_be_its_copy():
    values = process(0).values[:40].copy()
    values[[3, 17, 20]] = values[3]
    found = nearest_other(np.arange(40), values, in_time)
    pairs = cdist(*[values.reshape(40, -1).astype(np.float64)] * 2) / np.sqrt(48)
    np.fill_diagonal(pairs, np.inf)
    assert found.distance == pytest.approx(pairs.min(axis=1), abs=1e-9)
    assert (found.index != np.arange(40)).all() and (found.distance[[3, 17, 20]] == 0).all()


def test_blocks_and_stored_windows_give_the_same_neighbours(monkeypatch):
    signal = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
    stored = [StoredValues(signal, np.arange(0, 280, step), 16) for step in (9, 16)]
    whole = nearest(np.asarray(stored[0]), np.asarray(stored[1]), in_spectrum)
    monkeypatch.setattr(neighbours, "BLOCK_WINDOWS", 7)
    in_blocks = nearest(*stored, in_spectrum)
    assert np.array_equal(whole.index, in_blocks.index) and np.array_equal(whole.distance, in_blocks.distance)


def test_no_matrix_of_all_pairs_is_built():
    values = np.random.default_rng(0).normal(size=(8_000, 4, 1)).astype(np.float32)
    nearest(values[:10], values[:10], in_time)  # scikit-learn is imported before anything is counted
    tracemalloc.start()
    nearest(values, values, in_time)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000**2 * 4 / 10


def test_values_that_are_not_finite_are_refused_by_number():
    values = process(0).values.copy()
    values[4, 3, 1] = np.nan
    with pytest.raises(ValueError, match="finite values, but 1 of windows 0 to 240"):
        nearest(values, process(1).values, in_time)


def test_a_search_in_nothing_is_refused():
    with pytest.raises(ValueError, match="needs 1 reference windows, but got 0"):
        nearest(process(0).values, process(0).values[:0], in_time)


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_bootstrap_copy_is_all_copies(domain):
    told = judged(bootstrap(process(0)))
    assert told["nearest_neighbour_ratio"][domain]["over_classes"] == 0
    assert told["copies"][domain]["share"] == told["copies"][domain]["exact"] == 1
    assert told["authenticity"][domain]["over_classes"] == 0


def test_copies_of_windows_that_fit_holds_twice_are_not_authentic():
    twice = process(0).select(np.repeat(np.arange(240), 2))
    assert memorisation(bootstrap(twice), twice, process(1), seed=0)["authenticity"]["time"]["over_classes"] == 0


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_jittered_copy_is_a_copy_that_is_not_exact(domain):
    told = judged(jittered(process(0), share=0.1))
    assert told["nearest_neighbour_ratio"][domain]["over_classes"] < 0.35
    assert told["copies"][domain]["share"] == 1 and told["copies"][domain]["exact"] == 0
    assert told["authenticity"][domain]["over_classes"] < 0.01


def test_a_phase_randomised_copy_hides_in_time_and_is_found_in_spectrum():
    told = judged(phase_randomised(process(0)))
    assert told["nearest_neighbour_ratio"]["time"]["over_classes"] > 0.8 and told["copies"]["time"]["share"] < 0.01
    assert told["nearest_neighbour_ratio"]["spectrum"]["over_classes"] < 0.001
    assert told["copies"]["spectrum"]["exact"] == 1 and told["authenticity"]["spectrum"]["over_classes"] == 0


@pytest.mark.parametrize("domain", DOMAINS)
def test_fresh_draws_of_the_process_have_the_numbers_of_held_out_windows(domain):
    told = memorisation(process(2, windows=2_000), process(0), process(1, windows=1_000), seed=0)
    assert told["nearest_neighbour_ratio"][domain]["over_classes"] == pytest.approx(1, abs=0.05)
    assert told["copies"][domain] == told["copies"][domain] | {"share": 0, "exact": 0, "floor": 0}
    authenticity = told["authenticity"][domain]
    assert authenticity["over_classes"] == pytest.approx(authenticity["floor"], abs=0.05)


def test_a_generator_that_copies_one_class_alone_is_seen_by_the_smallest_ratio_and_by_class():
    fresh, copied = process(2), bootstrap(process(0))
    mixed = replace(fresh, values=np.where((fresh.labels == 1)[:, None, None], 0, fresh.values))
    mixed.values[fresh.labels == 1] = copied.values[copied.labels == 1][np.arange((fresh.labels == 1).sum()) % 90]
    ratio = judged(mixed)["nearest_neighbour_ratio"]["time"]
    assert ratio["smallest"] == ratio["per_class"]["class 1"] == 0
    assert ratio["per_class"]["class 0"] == pytest.approx(1, abs=0.1)


def test_a_class_is_measured_by_its_own_yardstick():
    """Windows of the quiet class that are as far apart as those of the loud one are far off, whatever a pool says."""
    quiet_as_loud = replace(process(2), labels=1 - process(2).labels)
    ratio = judged(quiet_as_loud)["nearest_neighbour_ratio"]["time"]["per_class"]
    assert ratio["class 1"] > 10


def test_a_class_that_lacks_windows_is_null_and_the_others_are_measured():
    fit, few = process(0), process(1)
    few = few.select((few.labels == 0) | (np.arange(len(few)) < 14))
    told = memorisation(process(2), fit, few, seed=0)
    for measure in told.values():
        of_class = measure["time"]["per_class"]["class 1"]
        assert of_class["value"] is None and "of class 1 there are 120 synthetic, 120 fit, 7 held" in of_class["reason"]
    assert (
        told["nearest_neighbour_ratio"]["time"]["over_classes"]
        == told["nearest_neighbour_ratio"]["time"]["smallest"]
        > 0.8
    )


def test_without_any_held_out_window_all_is_null():
    told = memorisation(process(2), process(0), process(1).select(np.arange(0)), seed=0)
    assert told["nearest_neighbour_ratio"]["time"]["over_classes"]["value"] is None
    assert told["copies"]["spectrum"]["share"]["value"] is None and told["authenticity"]["time"]["floor"]["reason"]


def test_a_copy_is_one_though_some_held_out_windows_repeat_fit_windows():
    fit, held_out = process(0), process(1)
    held_out.values[:40] = fit.values[:40]
    told = memorisation(bootstrap(fit), fit, held_out, seed=0)["copies"]["time"]
    assert told["share"] == 1 and told["floor"] == pytest.approx(40 / 240)


def test_held_out_windows_that_are_copies_are_no_yardstick():
    told = memorisation(process(2), process(0), process(0), seed=0)
    assert "no yardstick" in told["nearest_neighbour_ratio"]["time"]["per_class"]["class 0"]["reason"]


def test_repetitions_merge():
    merged = merge([judged(process(seed)) for seed in (2, 3)])
    assert merged["nearest_neighbour_ratio"]["time"]["per_class"]["class 0"]["seeds"] == 2


def test_other_classes_are_refused():
    other = replace(process(2), classes=("x", "y"))
    with pytest.raises(ValueError, match="class by class"):
        memorisation(other, process(0), process(1), seed=0)
