"""How likely the recurrent family finds total_acc_x of UCI HAR's test people: nats a step, of values in g.

The network of preset mdn_rnn, a sample a step, trained on the fit people of the project's own split; validation people
choose the epoch, and the test people are read once. Beside it, on the same windows, stand linear predictors of each
class with Gaussian errors: the network starts from those of order 32.
"""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import table
from benchmarks.sampling_speed import of_preset
from benchmarks.uci_har import our_split, preset_params
from sensegen import pretraining, training
from sensegen.calibration import calibration
from sensegen.divergence import AlertLog
from sensegen.generators import build_generator
from sensegen.generators.innovations import linear_model
from sensegen.params import Params
from sensegen.params.models import MDNRNNParams, OptimiserParams
from sensegen.scaling import Scaling
from sensegen.training_run import Training
from sensegen.windows import Windows

CHANNEL, ORDERS = "total_acc_x", (5, 32)


def run() -> list[str]:
    """Train one generator, and say how likely the test people's windows are."""
    params = trained_as()
    training.set_up(params.runtime)
    with tempfile.TemporaryDirectory() as folder:
        windows = our_split(Path(folder))
        whole = Scaling.load(windows)
        fit, validation, test = (of_channel(Windows.open(windows / name)) for name in ("fit", "validation", "test"))
        at = Windows.open(windows / "fit").channels.index(CHANNEL)
        scaling = Scaling(whole.mean[[at]], whole.stddev[[at]])
        told = trained(params, fit, validation, test, scaling, Path(folder))
    rows = [[f"linear, order {order}", f"{linear_nll(fit, test, order, scaling):.3f}", "-"] for order in ORDERS]
    rows.append(["mdn_rnn", f"{told['nll_physical']:.3f}", f"{told['largest_error']:.4f}"])
    lines = table.markdown(["model", "nats a step (g)", "largest error of the 20 bins of the transform"], rows)
    table.put("univariate_nll", lines)
    return lines


def trained_as() -> Params:
    """The preset uci_har with the recurrent family."""
    params = preset_params()
    generator = MDNRNNParams.model_validate(of_preset("mdn_rnn") | {"samples_a_step": 1})
    optimiser = OptimiserParams(learning_rate=0.003, batch_windows=128, gradient_norm=1.0)
    changes = {"generator": generator, "epochs": 60, "optimiser": optimiser}
    return params.model_copy(update={"train_generator": params.train_generator.model_copy(update=changes)})


def of_channel(windows: Windows) -> Windows:
    """The windows of one channel alone."""
    at = windows.channels.index(CHANNEL)
    values = np.asarray(windows.values)[..., [at]]
    return replace(windows, values=values, channels=(CHANNEL,), units=(windows.units[at],))


def trained(
    params: Params, fit: Windows, validation: Windows, test: Windows, scaling: Scaling, folder: Path
) -> dict[str, Any]:
    """What `calibration` says of the test windows."""
    generator = build_generator(fit.shape, params.train_generator.generator, params.seed)
    run = Training(params, AlertLog(folder / "alerts.jsonl", "univariate_nll"))
    pretraining.pretrain(generator, fit, validation, run)
    return calibration(generator, test, scaling)


def linear_nll(fit: Windows, test: Windows, order: int, scaling: Scaling) -> float:
    """Mean negative log likelihood of test windows under each class's linear predictor of one order, Gaussian."""
    told = []
    for label in range(len(fit.classes)):
        model = linear_model(np.asarray(fit.values[fit.labels == label], np.float64), order)
        centred = test.values[test.labels == label, :, 0] - model.level[0]
        for at in range(centred.shape[1]):
            lags = min(at, order)
            past = centred[:, at - lags : at][:, ::-1]
            off = centred[:, at] - past @ model.predictors[lags, :lags, 0]
            stddev = model.spread[lags, 0] * scaling.stddev[0]
            told.append(0.5 * np.square(off / model.spread[lags, 0]) + np.log(stddev) + 0.5 * np.log(2 * np.pi))
    return float(np.concatenate(told).mean())
