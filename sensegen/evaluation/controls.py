"""Cheats and baselines that every report carries, so that one sees which measure catches which.

Each is made from the fit windows alone, in seconds and without training a network, and is judged as a generator is.
Of UCI HAR (fit, judged on validation people by a random forest on features / by a ridge on random convolutions, one
seed) real windows reach an accuracy of 0.97 / 0.98, and the controls what the table says: usefulness alone is no
evidence of a generator.

| control | what it knows | usefulness | what has to catch it |
|---|---|---|---|
| `bootstrap` | fit windows, copied | 0.97 / 0.98 | the distance to fit |
| `jitter_1` | the same under 1 % of noise | 0.99 / 0.98 | the distance to fit |
| `jitter_5` | the same under 5 % of noise | 0.98 / 0.98 | the distance to fit; spectra of quiet classes |
| `phase_surrogate` | the spectra of one fit window each | 0.96 / 0.98 | the distance to fit of |FFT|; detection |
| `pca_mixture` | the shapes in which a class varies most | 0.90 / 0.97 | detection, spectra |
| `autoregression` | linear correlations over five samples | 0.73 / 0.98 | detection |
| `noise` | level and spread of each channel | 0.59 / 0.65 | everything |
"""

from collections.abc import Callable
from functools import partial

from sensegen.evaluation.autoregression import autoregression
from sensegen.evaluation.by_class import Labels, Values
from sensegen.evaluation.class_models import noise, pca_mixture
from sensegen.evaluation.surrogates import bootstrap, jitter, phase_surrogate
from sensegen.windows import Windows

Control = Callable[[Windows, Labels, int], Values]

CONTROLS: dict[str, Control] = {
    "bootstrap": bootstrap,
    "jitter_1": partial(jitter, share=0.01),
    "jitter_5": partial(jitter, share=0.05),
    "pca_mixture": pca_mixture,
    "phase_surrogate": phase_surrogate,
    "autoregression": autoregression,
    "noise": noise,
}

# The discriminative score that a judge must reach on a control before its own finding is believed.
POWER = {"noise": 0.45, "pca_mixture": 0.40, "phase_surrogate": 0.30}
