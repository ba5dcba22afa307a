"""Who was trained on is told from copies, and not from windows whose maker never saw them."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from sensegen.evaluation.interval import merge
from sensegen.evaluation.membership import ATTACKS, Sides, attack
from sensegen.evaluation.privacy import by_subject, by_window
from sensegen.windows import Windows

LENGTH = 24
SPREAD = (1.0, 0.1)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads that share a few hundred windows wait for each other, for seconds where the machine is busy."""
    with threadpool_limits(limits=1):
        yield


def recorded(people: range, windows: int, seed: int = 0, own: float = 0.0) -> Windows:
    """One recording a person and class, smooth noise, cut into windows that overlap by half.

    Each person has a level of their own, as far from that of others as `own` says.
    """
    parts, labels, subjects = [], [], []
    for person in people:
        for label, spread in enumerate(SPREAD):
            stream = np.random.default_rng([seed, person, label])
            noise = stream.normal(size=((windows + 1) * LENGTH // 2 + 4, 2))
            signal = np.stack([noise[lag : len(noise) - 4 + lag] for lag in range(5)]).mean(axis=0)
            signal = spread * (signal + own * stream.normal(size=2))
            parts.append(np.stack([signal[at * LENGTH // 2 :][:LENGTH] for at in range(windows)]))
            labels += [label] * windows
            subjects += [f"P{person}"] * windows
    values = np.concatenate(parts).astype(np.float32)
    return Windows(values, np.array(labels), tuple(subjects), ("a", "b"), ("loud", "quiet"), 24.0, ("g", "g"))


def split(own: float = 0.0) -> tuple[Windows, Windows]:
    """Fit and held-out windows of the same people, one window apart in their recordings."""
    both = recorded(range(8), windows=41, own=own)
    at = np.arange(len(both)) % 41
    return both.select(at < 30), both.select(at > 30)


def bootstrap(windows: Windows, seed: int = 0) -> Windows:
    return windows.select(np.random.default_rng(seed).integers(len(windows), size=len(windows)))


@pytest.fixture(scope="module")
def sides() -> Sides:
    """The synthetic windows are those of yet other people: their maker never saw the members."""
    fit, held_out = split()
    return Sides(recorded(range(20, 28), 30), fit, held_out, recorded(range(30, 38), 30))


def test_a_bootstrap_copy_is_told_by_its_halves_and_as_far_as_it_goes_by_whole_windows(sides):
    told = by_window(replace(sides, synthetic=bootstrap(sides.members)), seed=0)
    assert told["halves"]["auc"] > 0.9 and told["halves"]["tpr_at_1_percent_fpr"] > 0.85
    for kind in ("time", "spectrum"):  # 63 % of the windows are in a bootstrap, and the others are told by a coin
        assert told[kind]["auc"] == pytest.approx(0.816, abs=0.06)
        assert told[kind]["tpr_at_1_percent_fpr"] == pytest.approx(0.632, abs=0.06)


def test_a_full_copy_is_told_altogether(sides):
    for told in by_window(replace(sides, synthetic=sides.members), seed=0).values():
        assert told["auc"] == 1 and told["tpr_at_1_percent_fpr"] == 1


def test_windows_whose_maker_saw_nothing_tell_nothing(sides):
    told = by_window(sides, seed=0)
    assert set(told) == set(ATTACKS)
    for of_kind in told.values():
        assert of_kind["auc"] == pytest.approx(0.5, abs=0.06)
        assert of_kind["tpr_at_1_percent_fpr"] < 0.05
        assert (of_kind["members"], of_kind["non_members"]) == (480, 160)


def test_a_phase_randomised_copy_is_told_by_its_spectrum_alone(sides):
    spectrum = np.fft.rfft(sides.members.values, axis=1)
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, spectrum.shape)
    phase[:, [0, -1]] = 0
    values = np.fft.irfft(spectrum * np.exp(1j * phase), n=LENGTH, axis=1).astype(np.float32)
    told = by_window(replace(sides, synthetic=replace(sides.members, values=values)), seed=0)
    assert told["spectrum"]["auc"] > 0.99 and told["time"]["auc"] < 0.65


def test_the_reference_takes_away_what_makes_a_window_common():
    """The held-out windows are louder than the fit ones: without a reference that alone would look like a leak."""
    fit, held_out = split()
    louder = replace(held_out, values=held_out.values * np.float32(1.3))
    seen_nothing = Sides(recorded(range(20, 28), 30), fit, louder, recorded(range(30, 38), 30))
    assert by_window(seen_nothing, seed=0)["time"]["auc"] == pytest.approx(0.5, abs=0.08)


def test_people_are_told_by_their_level_without_any_copy():
    fit, held_out = split(own=1.0)
    others, world = recorded(range(10, 16), 30, own=1.0), recorded(range(30, 50), 30, own=1.0)
    leaking = Sides(held_out, fit, others, world)  # new windows of the same people
    told = by_subject(leaking, seed=0)["time"]
    assert told["auc"] > 0.85 and (told["members"], told["non_members"]) == (8, 6)
    assert told["tpr_at_1_percent_fpr"]["value"] is None and "6 non-members" in told["tpr_at_1_percent_fpr"]["reason"]
    blind = by_subject(replace(leaking, synthetic=recorded(range(60, 80), 30, own=1.0)), seed=0)["time"]
    assert abs(blind["auc"] - 0.5) < 2.5 * blind["stddev_without_leak"]


def test_people_half_of_whose_windows_are_copied_are_told_by_their_mean():
    fit, others, world = (recorded(people, 30) for people in (range(8), range(10, 16), range(30, 38)))
    half = fit.select(np.arange(len(fit)) % 4 < 2)
    assert by_subject(Sides(half, fit, others, world), seed=0)["time"]["auc"] == 1


def test_an_exact_copy_has_no_more_say_than_a_thousandth_of_the_usual_distance(sides):
    scores = attack(replace(sides, synthetic=sides.members), "time", seed=0).scores
    assert np.log(1_000) - 1 < scores.max() < np.log(1_000) + 1


def test_chance_has_the_spread_that_is_told():
    stream = np.random.default_rng(0)
    aucs = [np.mean(stream.normal(size=(18, 1)) > stream.normal(size=(1, 3))) for _ in range(40_000)]
    fit, others, world = (recorded(people, 12) for people in (range(18), range(20, 23), range(30, 34)))
    told = by_subject(Sides(world, fit, others, world), seed=0)["time"]
    assert told["stddev_without_leak"] == pytest.approx(np.std(aucs), rel=0.01)


def test_a_synthetic_set_that_is_its_own_reference_tells_nothing(sides):
    assert by_window(replace(sides, synthetic=sides.reference), seed=0)["time"]["auc"] == 0.5


def test_a_class_that_lacks_windows_is_null_and_the_other_is_attacked(sides):
    few = sides.reference.select(sides.reference.labels == 0)
    told = by_window(replace(sides, reference=few), seed=0)["time"]
    assert "0 reference" in told["per_class"]["quiet"]["reason"] and told["auc"] == told["per_class"]["loud"]


def test_without_a_reference_all_is_null(sides):
    nobody = replace(sides, reference=sides.reference.select(np.arange(0)))
    assert by_window(nobody, seed=0)["time"]["auc"]["value"] is None
    people = by_subject(replace(nobody, non_members=recorded(range(10, 13), 12)), seed=0)["time"]
    assert people["auc"]["value"] is None and people["members"] == 0


def test_nobody_is_member_and_non_member(sides):
    with pytest.raises(ValueError, match="are on two sides"):
        by_subject(sides, seed=0)


def test_scores_keep_to_their_windows(sides):
    attacked = attack(replace(sides, synthetic=sides.members), "time", seed=0)
    assert attacked.scores[attacked.member].min() > attacked.scores[~attacked.member].max()
    assert set(attacked.subjects) == {f"P{at}" for at in range(8)} and set(attacked.labels) == {0, 1}


def test_repetitions_merge(sides):
    few = replace(sides, members=sides.members.select(np.arange(100)))
    merged = merge([by_window(few, seed) for seed in (0, 1)])
    assert merged["halves"]["auc"]["seeds"] == 2 and merged["time"]["per_class"]["quiet"]["mean"] > 0
