"""Do synthetic windows keep to the physics of inertial sensors. Values are in the units of their channels, not scaled.

Every measure is of real and of synthetic windows side by side, so its floor is the same call with real windows of
other people, or of another time, in the place of the synthetic ones. A measure whose channels or classes are not there
is null with the reason, which depends on the real windows alone. After the checks of LRF-IMU (its
`analysis/physical.py`): gravity in still windows, total = body + gravity, bounds of jerk; and the pace of `gait`.

What is still is said by the real windows (`still_classes`), and then all windows of the class are asked, so that a
synthetic one cannot leave by moving.
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from sensegen.evaluation.classwise import mean_of, same_classes
from sensegen.evaluation.gait import gait
from sensegen.evaluation.interval import null
from sensegen.evaluation.triads import (
    BLOCK_WINDOWS,
    PerWindow,
    Triad,
    accelerations,
    length_moments,
    still_classes,
    with_gravity,
)
from sensegen.windows import Windows

SLOW_HZ = 1.0  # gravity turns with posture, in UCI HAR below 0.3 Hz
JERK_BEYOND = 0.001  # the share of real changes above the bound
NO_GRAVITY = null("no accelerometer that feels gravity has all of its x, y and z among the channels")


def physics(real: Windows, synthetic: Windows) -> dict[str, Any]:
    """All measures: `gravity`, `body_and_gravity`, `jerk`, `gait`.

    Raises:
        ValueError: if the two have different classes or channels.
    """
    if (real.channels, real.units) != (synthetic.channels, synthetic.units):
        raise ValueError(
            f"Physics needs the same channels on both sides, but got {real.channels} in {real.units} and "
            f"{synthetic.channels} in {synthetic.units}. Pass windows of one window folder, in their units."
        )
    same_classes(real, synthetic)
    measures = {"gravity": gravity, "body_and_gravity": body_and_gravity, "jerk": jerk, "gait": gait}
    return {name: measure(real, synthetic) for name, measure in measures.items()}


def gravity(real: Windows, synthetic: Windows) -> dict[str, Any]:
    """By accelerometer, how long its vector is in windows of still classes: 1 g, but for the sensor's calibration.

    `mean_g` and `stddev_g` over windows, of real and of synthetic; `ks` is the Kolmogorov-Smirnov statistic between
    them, in 0 to 1, 0 is best.
    """
    from scipy.stats import ks_2samp

    felt = with_gravity(real)
    if not felt:
        return {**NO_GRAVITY}
    still = still_classes(real, felt[0])
    rows = [still[side.labels] for side in (real, synthetic)]
    if not all(of_side.any() for of_side in rows):
        return {**null("no class has real windows that are still, and synthetic ones")}
    told = {}
    for triad in felt:
        lengths = [length_moments(triad, side)[0][at] for side, at in zip((real, synthetic), rows, strict=True)]
        told[triad.name] = {**_both(*map(_moments_g, lengths)), "ks": float(ks_2samp(*lengths).statistic)}
    return told


def body_and_gravity(real: Windows, synthetic: Windows) -> dict[str, Any]:
    """By pair of total and body acceleration: total less body is gravity, which turns slowly.

    `share_above_1_hz` of the power of what varies within a window, 0 to 1, and `rms_above_1_hz_g` in g. For both the
    real value is best.
    """
    pairs = _pairs(real)
    if not pairs:
        return {**null("there is no body acceleration beside an acceleration that feels gravity, each with x, y and z")}
    return {total.name: _both(*(_fast_power(total, body, side) for side in (real, synthetic))) for total, body in pairs}


def jerk(real: Windows, synthetic: Windows) -> dict[str, Any]:
    """The share of changes from sample to sample above the 99.9 % quantile of the real ones.

    `over_channels` is the mean, `per_channel` has each. In 0 to 1; 0.001 is what real windows have by construction,
    more is too rough, less too smooth. `bound` is in the channel's unit a second: of an acceleration the jerk, of an
    angular velocity the angular acceleration.
    """
    if real.values.shape[1] < 2 or not len(real) or not len(synthetic):
        return {**null("a change takes windows on both sides, of two samples at least")}
    told = {}
    for at, channel in enumerate(real.channels):
        bound = float(np.quantile(_changes(real, at), 1 - JERK_BEYOND))
        told[channel] = {"bound": bound, "share": float(np.mean(_changes(synthetic, at) > bound))}
    return {"over_channels": mean_of([of["share"] for of in told.values()]), "floor": JERK_BEYOND, "per_channel": told}


def _moments_g(lengths: PerWindow) -> dict[str, float]:
    return {"mean_g": float(lengths.mean()), "stddev_g": float(lengths.std())}


def _both(real: Any, synthetic: Any) -> dict[str, Any]:
    return {"real": real, "synthetic": synthetic}


def _pairs(real: Windows) -> list[tuple[Triad, Triad]]:
    """Each `body` acceleration with the one it is part of: `body_acc` of `total_acc`, or else of `acc`."""
    felt = {triad.name: triad for triad in with_gravity(real)}
    pairs = []
    for body in accelerations(real):
        names = [body.name.replace("body", "total"), body.name.replace("body_", "")]
        whole = [felt[name] for name in names if name in felt and name != body.name]
        pairs += [(whole[0], body)] if whole else []
    return pairs


def _fast_power(total: Triad, body: Triad, windows: Windows) -> dict[str, float]:
    """Of total less body, by Hann-tapered periodograms of the windows; what does not vary is left out."""
    from scipy.signal import periodogram

    fast, varying, count = 0.0, 0.0, 0
    for whole, part in zip(total.blocks_g(windows), body.blocks_g(windows), strict=True):
        frequency_hz, power = periodogram(whole - part, windows.rate_hz, "hann", axis=1, scaling="density")
        power = power.sum(axis=2) * (frequency_hz[1] - frequency_hz[0])
        fast += float(power[:, frequency_hz > SLOW_HZ].sum())
        varying += float(power[:, 1:].sum())
        count += len(whole)
    return {"share_above_1_hz": fast / varying if varying else 0.0, "rms_above_1_hz_g": (fast / max(count, 1)) ** 0.5}


def _changes(windows: Windows, channel: int) -> Float[np.ndarray, "window change"]:
    """The size of each change of a channel, a second."""
    blocks = []
    for start in range(0, len(windows), BLOCK_WINDOWS):
        block = np.asarray(windows.values[start : start + BLOCK_WINDOWS])[:, :, channel].astype(np.float64)
        blocks.append((np.abs(np.diff(block, axis=1)) * windows.rate_hz).astype(np.float32))
    return np.concatenate(blocks)
