"""The pace of walking: the strongest frequency of the acceleration between half a step and four steps a second.

A leg moves at about 1 Hz and the trunk, which feels both legs, at about 2 Hz; the vector's length does not ask how the
sensor is worn. What moves is said by the real windows (`still_classes`).
"""

from typing import Any

import numpy as np

from sensegen.evaluation.classwise import mean_of
from sensegen.evaluation.interval import Null, null
from sensegen.evaluation.triads import PerWindow, Triad, accelerations, still_classes, with_gravity
from sensegen.windows import Windows

GAIT_HZ = (0.5, 4.0)
PADDED = 8  # times the length of a window: a bin of 2.56 s, 0.39 Hz, is coarse for a step


def gait(real: Windows, synthetic: Windows) -> dict[str, Any]:
    """By class that moves, the median of the strongest frequency between 0.5 and 4 Hz of the acceleration's norm.

    `real_hz`, `synthetic_hz`, and `difference_hz`, how far they are apart: 0 is best. `mean_difference_hz` is over
    classes. The first accelerometer speaks, one that feels gravity if there is any.
    """
    candidates = with_gravity(real) or accelerations(real)
    if not candidates:
        return {**null("no accelerometer has all of its x, y and z among the channels")}
    seconds = real.values.shape[1] / real.rate_hz
    if seconds * GAIT_HZ[0] < 1 or real.rate_hz < 2 * GAIT_HZ[1]:
        return {
            **null(f"steps take windows of 2 s at 8 Hz or more, but these have {seconds:g} s at {real.rate_hz:g} Hz")
        }
    still = still_classes(real, candidates[0])
    paces_hz = [dominant_hz(candidates[0], side) for side in (real, synthetic)]
    told = {
        name: _of_class(*(pace[side.labels == label] for pace, side in zip(paces_hz, (real, synthetic), strict=True)))
        for label, name in enumerate(real.classes)
        if not still[label]
    }
    differences = [of["difference_hz"] for of in told.values() if "difference_hz" in of]
    return {"mean_difference_hz": mean_of(differences), "per_class": told}


def _of_class(real_hz: PerWindow, synthetic_hz: PerWindow) -> dict[str, float] | Null:
    if not len(real_hz) or not len(synthetic_hz):
        return null(f"there are {len(real_hz)} real windows of this class, and {len(synthetic_hz)} synthetic ones")
    real, synthetic = float(np.median(real_hz)), float(np.median(synthetic_hz))
    return {"real_hz": real, "synthetic_hz": synthetic, "difference_hz": abs(real - synthetic)}


def dominant_hz(triad: Triad, windows: Windows) -> PerWindow:
    """The strongest frequency between 0.5 and 4 Hz of the length of a window's vector."""
    from scipy.signal import periodogram

    padded = PADDED * windows.values.shape[1]
    peaks = []
    for block in triad.blocks_g(windows):
        length_g = np.linalg.norm(block, axis=2)
        frequency_hz, power = periodogram(length_g, windows.rate_hz, "hann", nfft=padded, axis=1)
        inside = (frequency_hz >= GAIT_HZ[0]) & (frequency_hz <= GAIT_HZ[1])
        peaks.append(frequency_hz[inside][power[:, inside].argmax(axis=1)])
    return np.concatenate(peaks) if peaks else np.empty(0)
