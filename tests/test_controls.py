"""Every control has the property that it is named for."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import sines
from hypothesis import given, settings
from hypothesis import strategies as st

from sensegen.evaluation import blocks, by_class, class_models
from sensegen.evaluation.autoregression import stable
from sensegen.evaluation.controls import CONTROLS
from sensegen.windows import StoredValues, Windows

NAMES = sorted(CONTROLS)
COPIERS = ("bootstrap", "jitter_1", "jitter_5", "phase_surrogate")


def of(values: np.ndarray, labels: np.ndarray) -> Windows:
    channels = tuple(f"channel {at}" for at in range(values.shape[2]))
    classes = tuple(f"class {label}" for label in range(int(labels.max()) + 1))
    return Windows(
        values.astype(np.float32), labels, ("",) * len(labels), channels, classes, 50.0, ("g",) * len(channels)
    )


def autoregressive(coefficients: list[np.ndarray], windows: int, length: int, seed: int) -> np.ndarray:
    """Windows of a known process with noise of variance 1, long after its start."""
    stream = np.random.default_rng(seed)
    channels, warm = len(coefficients[0]), 200
    series = stream.normal(size=(windows, warm + length, channels))
    for at in range(len(coefficients), warm + length):
        for lag, matrix in enumerate(coefficients, start=1):
            series[:, at] += series[:, at - lag] @ matrix.T
    return series[:, warm:]


def correlation(values: np.ndarray, lag: int) -> np.ndarray:
    """E[x(t) x(t - lag)ᵀ] of windows (window, time, channel)."""
    later, earlier = values[:, lag:], values[:, : values.shape[1] - lag]
    return np.einsum("wtc,wtd->cd", later, earlier, dtype=float) / later[..., 0].size


def lag_one_correlation(values: np.ndarray) -> np.ndarray:
    """Of each channel with itself."""
    centred = values - values.mean(axis=(0, 1))
    return np.diag(correlation(centred, 1)) / np.diag(correlation(centred, 0))


def sources(copies: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """The fit window nearest to each."""
    return np.array([np.argmin(((fit - copy) ** 2).sum(axis=(1, 2))) for copy in copies])


@pytest.fixture(scope="module")
def fit() -> Windows:
    """Two classes, apart in level, spread and frequency, in no order."""
    windows = sines(np.random.default_rng(0), 240)
    order = np.random.default_rng(1).permutation(240)
    values = windows.values * np.where(windows.labels, 1.0, 3.0)[:, None, None] + 10 * windows.labels[:, None, None]
    return replace(windows, values=values.astype(np.float32)).select(order)


@pytest.mark.parametrize("name", NAMES)
def test_a_control_gives_what_is_wanted_in_the_order_it_is_wanted(name, fit):
    labels = np.random.default_rng(2).integers(0, 2, 70)
    values = CONTROLS[name](fit, labels, 0)
    assert values.shape == (70, 32, 2) and values.dtype == np.float32 and np.isfinite(values).all()
    assert np.array_equal(values.mean(axis=(1, 2)) > 5, labels == 1)  # the classes lie 10 apart


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_gives_the_same_bytes_and_another_seed_others(name, fit):
    first, again, other = (CONTROLS[name](fit, fit.labels, seed).tobytes() for seed in (5, 5, 6))
    assert first == again != other


@pytest.mark.parametrize("name", NAMES)
def test_stored_windows_give_what_windows_in_memory_give(name, fit):
    signals = fit.values.reshape(-1, 2)
    stored = StoredValues(signals, np.arange(len(fit)) * 32, 32)
    from_memory, from_disk = (CONTROLS[name](given, fit.labels, 0) for given in (fit, replace(fit, values=stored)))
    assert np.array_equal(from_memory, from_disk)


@pytest.mark.parametrize("name", ("bootstrap", "noise", "pca_mixture", "autoregression"))
def test_a_class_is_drawn_alike_whatever_else_is_wanted(name, fit):
    both, alone = (CONTROLS[name](fit, labels, 0) for labels in (np.array([0, 1] * 9), np.array([1] * 9)))
    assert np.array_equal(both[1::2], alone)


@pytest.mark.parametrize("name", NAMES)
def test_many_blocks_are_as_good_as_one(name, fit, monkeypatch):
    whole = CONTROLS[name](fit, fit.labels, 0)
    for module in (by_class, blocks):
        monkeypatch.setattr(module, "BLOCK_NUMBERS", 32 * 2 * 7)  # seven windows
    parts = CONTROLS[name](fit, fit.labels, 0)
    if name not in ("autoregression", "pca_mixture"):  # their draws come in another order: the same law, other windows
        assert parts == pytest.approx(whole, abs=1e-4)
    assert lag_one_correlation(parts) == pytest.approx(lag_one_correlation(whole), abs=0.02)
    assert parts.std(axis=(0, 1)) == pytest.approx(whole.std(axis=(0, 1)), rel=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_no_windows_are_wanted_and_none_come(name, fit):
    assert CONTROLS[name](fit, np.empty(0, int), 0).shape == (0, 32, 2)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("label", [1, 2])
def test_a_class_that_fit_does_not_have_is_named(name, label, fit):
    slow = fit.select(fit.labels == 0)
    with pytest.raises(ValueError, match=r"none of (fast|2)\. Ask for the classes that occur in fit"):
        CONTROLS[name](slow, np.array([0, label]), 0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [2, 3, 10])
def test_small_classes_of_many_channels_work(name, count):
    values = np.random.default_rng(0).normal(size=(count, 128, 9)) + 4
    drawn = CONTROLS[name](of(values, np.zeros(count, int)), np.zeros(25, int), 0)
    assert np.isfinite(drawn).all() and drawn.mean() == pytest.approx(4, abs=0.5)
    assert drawn.std() == pytest.approx(1, abs=0.4)


@pytest.mark.parametrize("name", NAMES)
def test_windows_that_never_change_stay_so_or_are_refused_by_name(name):
    still = of(np.full((12, 16, 2), 0.1), np.zeros(12, int))
    if name == "pca_mixture":
        with pytest.raises(ValueError, match="two different windows of a class, but class 0 has 1 among 12"):
            CONTROLS[name](still, np.zeros(4, int), 0)
    else:
        assert CONTROLS[name](still, np.zeros(4, int), 0) == pytest.approx(0.1, abs=1e-5)


def test_one_short_window_of_many_channels_has_no_autoregression():
    short = of(np.random.default_rng(0).normal(size=(1, 4, 9)), np.zeros(1, int))
    with pytest.raises(ValueError, match=r"needs 18 pairs .* class 0 has 3 \(windows: 1, samples each: 4\)"):
        CONTROLS["autoregression"](short, np.zeros(1, int), 0)


def test_the_bootstrap_copies_windows_of_the_class_and_repeats_some(fit):
    copies = CONTROLS["bootstrap"](fit, fit.labels, 0)
    nearest = sources(copies, fit.values)
    assert np.array_equal(copies, fit.values[nearest])
    assert np.array_equal(fit.labels[nearest], fit.labels)
    # With replacement, a share of 1 - 1/e is drawn at all.
    assert len(set(nearest)) / len(fit) == pytest.approx(1 - np.exp(-1), abs=0.08)


@pytest.mark.parametrize(("name", "share"), [("jitter_1", 0.01), ("jitter_5", 0.05)])
def test_jitter_lies_its_share_of_each_channels_deviation_from_the_bootstrap(name, share, fit):
    wide = replace(fit, values=fit.values * np.array([1, 50], np.float32))
    apart = CONTROLS[name](wide, wide.labels, 0) - CONTROLS["bootstrap"](wide, wide.labels, 0)
    assert apart.std(axis=(0, 1)) == pytest.approx(share * wide.values.std(axis=(0, 1)), rel=0.03)
    assert np.abs(apart.mean(axis=(0, 1)) / wide.values.std(axis=(0, 1))).max() < share / 20
    assert np.abs(lag_one_correlation(apart)).max() < 0.05


@settings(max_examples=25)
@given(st.integers(1, 33), st.integers(1, 4), st.integers(0, 100))
def test_a_surrogate_has_the_spectra_and_cross_spectra_of_one_fit_window(length, channels, seed):
    values = np.random.default_rng(seed).normal(size=(6, length, channels))
    one_each = of(values, np.arange(6))  # of a class with one window it is known which window it comes from
    spectra, turned = (
        np.fft.rfft(x, axis=1) for x in (values, CONTROLS["phase_surrogate"](one_each, np.arange(6), seed))
    )
    assert np.abs(turned) == pytest.approx(np.abs(spectra), abs=1e-5)
    cross, turned_cross = (np.einsum("wfc,wfd->wfcd", x, x.conj()) for x in (spectra, turned))
    assert turned_cross == pytest.approx(cross, abs=1e-4)
    assert turned[:, 0] == pytest.approx(spectra[:, 0], abs=1e-5)


def test_the_phases_of_a_surrogate_are_spread_evenly_and_the_shape_is_lost(fit):
    labels = fit.labels[:200]
    copies, surrogates = (CONTROLS[name](fit, labels, 0) for name in ("bootstrap", "phase_surrogate"))
    turn = np.angle(np.fft.rfft(surrogates[..., 0], axis=1) / np.fft.rfft(copies[..., 0], axis=1))[:, 1:-1]
    assert np.abs(np.exp(1j * turn).mean()) < 0.05 and np.abs(np.exp(2j * turn).mean()) < 0.05
    unlike = np.abs(surrogates - copies).max(axis=(1, 2)) / copies.std(axis=(1, 2))
    assert np.median(unlike) > 1


def test_a_surrogate_of_a_burst_is_spread_over_the_window():
    burst = np.zeros((1, 64, 1))
    burst[0, 30] = 1.0
    surrogate = CONTROLS["phase_surrogate"](of(burst, np.zeros(1, int)), np.zeros(1, int), 0)
    assert np.square(surrogate).sum() == pytest.approx(1, abs=1e-4) and np.abs(surrogate).max() < 0.5


def test_the_copiers_start_from_the_same_windows(fit):
    copies, near, nearer = (CONTROLS[name](fit, fit.labels, 3) for name in ("bootstrap", "jitter_5", "jitter_1"))
    assert near - copies == pytest.approx(5 * (nearer - copies), abs=1e-4)
    surrogates = CONTROLS["phase_surrogate"](fit, fit.labels, 3)
    assert np.abs(np.fft.rfft(surrogates, axis=1)) == pytest.approx(np.abs(np.fft.rfft(copies, axis=1)), abs=1e-3)


def test_noise_is_white_and_has_the_classes_levels_and_spreads(fit):
    labels = np.repeat([0, 1], 1500)
    drawn = CONTROLS["noise"](fit, labels, 0)
    for label in (0, 1):
        real, made = fit.values[fit.labels == label], drawn[labels == label]
        assert made.mean(axis=(0, 1)) == pytest.approx(real.mean(axis=(0, 1)), abs=0.05)
        assert made.std(axis=(0, 1)) == pytest.approx(real.std(axis=(0, 1)), rel=0.02)
        centred = made - made.mean(axis=(0, 1))
        power = np.square(np.abs(np.fft.rfft(centred, axis=1))).mean(axis=0)[1:-1]
        assert power.max() / power.min() < 1.5  # real sines: over 100
        assert np.abs(np.corrcoef(centred.reshape(-1, 2).T)[0, 1]) < 0.02


SECOND_ORDER = [np.array([[1.6]]), np.array([[-0.8]])]
TWO_CHANNELS = [np.array([[0.5, 0.3], [-0.4, 0.6]]), np.array([[0.1, 0.0], [0.2, -0.3]])]


@pytest.mark.parametrize("coefficients", [SECOND_ORDER, TWO_CHANNELS], ids=["resonance", "coupled"])
def test_the_autoregression_recovers_a_known_process_by_its_own_correlations(coefficients):
    known = of(7 + autoregressive(coefficients, 400, 64, seed=0), np.zeros(400, int))
    made = CONTROLS["autoregression"](known, np.zeros(2000, int), 0).astype(float)
    assert made.mean(axis=(0, 1)) == pytest.approx(7, abs=0.1)
    made -= made.mean(axis=(0, 1))
    # Yule and Walker: R(k) = A1 R(k - 1) + A2 R(k - 2) for k = 1, 2, where R(-1) is R(1) transposed.
    r0, r1, r2 = (correlation(made, lag) for lag in range(3))
    past = np.block([[r0, r1], [r1.T, r0]])
    recovered = np.hstack([r1, r2]) @ np.linalg.inv(past)
    assert recovered == pytest.approx(np.hstack(coefficients), abs=0.03)
    left_over = r0 - recovered @ np.hstack([r1, r2]).T
    assert left_over == pytest.approx(np.eye(len(r0)), abs=0.05)


def test_the_autoregression_is_stationary_from_its_first_sample():
    known = of(autoregressive(SECOND_ORDER, 400, 64, seed=0), np.zeros(400, int))
    spread = CONTROLS["autoregression"](known, np.zeros(4000, int), 0)[..., 0].std(axis=0)
    assert spread == pytest.approx(known.values.std(), rel=0.08)


def test_the_autoregression_joins_no_window_to_the_next():
    # Each window is one level: whoever joins them sees jumps that no window has.
    levels = np.repeat(np.random.default_rng(0).normal(0, 5, (300, 1, 1)), 32, axis=1)
    rippled = levels + np.random.default_rng(1).normal(0, 0.01, levels.shape)
    made = CONTROLS["autoregression"](of(rippled, np.zeros(300, int)), np.zeros(300, int), 0)
    assert np.abs(np.diff(made, axis=1)).max() < 0.5
    assert made.std() == pytest.approx(5, rel=0.15)


def test_a_class_that_grows_gives_windows_that_do_not():
    growing = np.cumprod(np.full((1, 60, 1), 1.1), axis=1) * np.random.default_rng(0).normal(1, 0.1, (50, 1, 1))
    made = CONTROLS["autoregression"](of(growing, np.zeros(50, int)), np.zeros(200, int), 0)
    assert np.abs(made).max() < 10 * growing.max()


@settings(max_examples=50)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 1000), st.floats(0.1, 3))
def test_stable_coefficients_have_every_root_drawn_in_by_one_factor_or_none(order, channels, seed, size):
    coefficients = size * np.random.default_rng(seed).normal(size=(order * channels, channels))

    def roots(past: np.ndarray) -> np.ndarray:
        companion = np.eye(order * channels, k=-channels)  # of column vectors, where the module's is of rows
        companion[:channels] = past.T
        return np.sort(np.abs(np.linalg.eigvals(companion)))

    before = roots(coefficients)
    factor = 1 if before.max() < 1 else 0.999 / before.max()
    assert roots(stable(coefficients)) == pytest.approx(factor * before, abs=1e-3)


def test_the_mixture_has_the_classes_mean_and_its_principal_directions(fit):
    labels = np.repeat([0, 1], 3000)
    drawn = CONTROLS["pca_mixture"](fit, labels, 0)
    for label in (0, 1):
        real, made = (x.reshape(len(x), -1) for x in (fit.values[fit.labels == label], drawn[labels == label]))
        assert np.abs(made.mean(axis=0) - real.mean(axis=0)).max() < 0.15
        first = np.linalg.svd(real - real.mean(axis=0), full_matrices=False)[2][:2]  # sine and cosine, of any phase
        inside = np.square((made - made.mean(axis=0)) @ first.T).sum() / np.square(made - made.mean(axis=0)).sum()
        assert inside > 0.95


def test_the_mixture_has_as_many_clusters_as_the_class_has_groups():
    # Ten separate points: one Gaussian would fill the room between them.
    centres = 100 * np.random.default_rng(0).normal(size=(10, 8, 1))
    values = np.repeat(centres, 20, axis=0) + np.random.default_rng(1).normal(size=(200, 8, 1))
    made = CONTROLS["pca_mixture"](of(values, np.zeros(200, int)), np.zeros(500, int), 0)
    distance = np.sqrt(((made[:, None] - centres) ** 2).mean(axis=(2, 3))).min(axis=1)
    assert np.mean(distance < 5) > 0.7


def test_the_mixture_copies_no_window_of_a_small_class():
    few = of(np.random.default_rng(0).normal(size=(10, 16, 2)), np.zeros(10, int))
    made = CONTROLS["pca_mixture"](few, np.zeros(50, int), 0)
    distance = np.sqrt(((made[:, None] - few.values) ** 2).mean(axis=(2, 3))).min(axis=1)
    assert distance.min() > 0.1


def test_copies_in_an_oversampled_class_do_not_break_the_mixture(fit):
    slow = fit.select(np.flatnonzero(fit.labels == 0)[:3])
    often = slow.select(np.repeat([0, 1, 2], [1, 40, 59]))
    made = CONTROLS["pca_mixture"](often, np.zeros(20, int), 0)
    assert made.std(axis=0).min() > 0


def test_a_large_class_is_fitted_to_a_part_of_it_in_all_its_breadth(fit, monkeypatch):
    monkeypatch.setattr(class_models, "MOST", 60)
    many = replace(fit, labels=np.zeros(len(fit), int))
    made = CONTROLS["pca_mixture"](many, np.zeros(400, int), 0)
    assert np.mean(made.mean(axis=(1, 2)) > 5) == pytest.approx(0.5, abs=0.15)
