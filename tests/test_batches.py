"""Batches: every row once an epoch, the same batch for the same step, and windows cut anywhere that a recording was."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensegen.batches import CutAnywhere, EpochBatches, followed

LENGTH = 8


def recordings(stride: int, samples: tuple[int, ...] = (50, 31)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Windows of recordings that count on, with labels, and all stretches of that length that they are cut from."""
    values, labels, stretches, begin = [], [], [], 0
    for label, count in enumerate(samples):
        signal = np.arange(begin, begin + count, dtype=np.float32)
        starts = range(0, count - LENGTH + 1, stride)
        values += [signal[start : start + LENGTH] for start in starts]
        stretches += [signal[start : start + LENGTH] for start in range(starts[-1] + 1)]
        labels += [label] * len(starts)
        begin += count + 100
    return np.stack(values)[..., None], np.array(labels), np.stack(stretches)


@given(st.integers(1, LENGTH + 2), st.integers(1, 9))
def test_each_window_is_a_stretch_of_its_own_recording_near_its_own_place(stride, size):
    values, labels, stretches = recordings(stride)
    plain = EpochBatches([values, labels], size, seed=3)
    batches, known = CutAnywhere(plain, labels, stride), {tuple(stretch) for stretch in stretches}
    for step in range(2 * batches.epoch_steps):
        (cut, of_cut), (at, of_at) = batches(step), plain(step)
        assert cut.shape == at.shape and np.array_equal(of_cut, of_at)
        later = cut[:, 0, 0] - at[:, 0, 0]
        assert (later >= 0).all() and (later < max(stride, 1)).all()
        assert all(tuple(window) in known for window in cut[..., 0])
        assert all(np.array_equal(*both) for both in zip(cut, batches(step)[0], strict=True))


def test_all_places_between_two_windows_are_used():
    values, labels, stretches = recordings(stride=4)
    batches = CutAnywhere(EpochBatches([values, labels], 5, seed=0), labels, 4)
    seen = {tuple(window) for step in range(60 * batches.epoch_steps) for window in batches(step)[0][..., 0]}
    assert seen == {tuple(stretch) for stretch in stretches}


def test_a_window_of_another_class_or_after_a_gap_does_not_follow():
    signal = np.arange(40, dtype=np.float32)
    values = np.stack([signal[start : start + LENGTH] for start in (0, 4, 8, 13, 17)])[..., None]
    assert followed(values, np.zeros(5, int), 4).tolist() == [True, True, False, True, False]
    assert followed(values, np.array([0, 0, 1, 1, 1]), 4).tolist() == [True, False, False, True, False]
    assert not followed(values, np.zeros(5, int), LENGTH).any()
