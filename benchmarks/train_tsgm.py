"""Trains a generator of TSGM (Nikitin et al., 2023) in an environment of its own: it imports nothing of this project.

    python train_tsgm.py cvae fit.npz synthetic.npz --minutes 10 --seed 0

Settings are those of TSGM's own notebooks; each says there which: `tutorials/VAEs/cVAE.ipynb` for `cvae`,
`tutorials/VAEs/VAE.ipynb` for `vae`, which knows no classes and so is trained once an activity. As there, every channel
is first brought to 0 to 1 by TSGM's scaler, and after sampling back to its unit. A training ends after its epochs or,
at an epoch's end, its minutes of processor time, which do not depend on what else the machine does. The last line that
is printed tells in JSON what was done.
"""

import argparse
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]
CVAE = {"latent": 32, "batch_windows": 128, "epochs": 100}  # the notebook shows one epoch; 100 are those of VAE.ipynb
VAE = {"latent": 10, "batch_windows": 64, "epochs": 100}


def main() -> None:
    """Train, sample as many windows of each activity as there are, and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("fit", type=Path)
    parser.add_argument("synthetic", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    asked = parser.parse_args()
    os.environ["KERAS_BACKEND"] = "tensorflow"  # before tsgm is imported: it would take JAX where there is one
    given, began = read(asked.fit), time.process_time()
    values, epochs = _in_physical_units(given, asked)
    write(asked.synthetic, values, given)
    print(json.dumps({"epochs": epochs, "minutes": round((time.process_time() - began) / 60, 1)}))


def read(path: Path) -> Arrays:
    """The arrays of a file of windows: values (window, time, channel), labels, channels, units, rate_hz."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def write(path: Path, values: np.ndarray, given: Arrays) -> None:
    """Write windows of the activities, channels and units of those that were given; of no person."""
    kept: dict[str, Any] = {name: given[name] for name in ("labels", "channels", "units", "rate_hz")}
    with path.open("wb") as file:
        np.savez_compressed(file, values=np.asarray(values, np.float32), **kept)


def _in_physical_units(given: Arrays, asked: argparse.Namespace) -> tuple[np.ndarray, str]:
    """Generated windows, and the epochs that were trained."""
    import tsgm

    tsgm.utils.fix_seeds(asked.seed)
    scaler = tsgm.utils.TSFeatureWiseScaler((0, 1))
    scaled = scaler.fit_transform(given["values"]).astype(np.float32)
    values, epochs = KINDS[asked.kind](scaled, given["labels"], asked.minutes)
    return scaler.inverse_transform(values.astype(np.float64)), epochs


def _conditional(scaled: np.ndarray, labels: np.ndarray, minutes: float) -> tuple[np.ndarray, str]:
    """The conditional VAE: one model, asked for the activities in the order in which they were given."""
    import keras
    import tsgm

    codes = np.unique(labels, return_inverse=True)[1]
    wanted = keras.utils.to_categorical(codes).astype(np.float32)
    parts = tsgm.models.architectures.zoo["cvae_conv5"](
        seq_len=scaled.shape[1], feat_dim=scaled.shape[2], latent_dim=CVAE["latent"], output_dim=wanted.shape[1]
    )
    model = tsgm.models.cvae.cBetaVAE(parts.encoder, parts.decoder, latent_dim=CVAE["latent"], temporal=False)
    epochs = _trained(model, (scaled, wanted), CVAE, minutes)
    blocks = [model.generate(wanted[begin : begin + 500])[0] for begin in range(0, len(wanted), 500)]
    return np.concatenate([np.asarray(block) for block in blocks]), str(epochs)


def _by_activity(scaled: np.ndarray, labels: np.ndarray, minutes: float) -> tuple[np.ndarray, str]:
    """The VAE, one an activity; the minutes are shared by their numbers of windows."""
    values, epochs = np.empty_like(scaled), []
    for name in np.unique(labels):
        rows = np.flatnonzero(labels == name)
        values[rows], trained = _of_one_activity(scaled[rows], minutes * len(rows) / len(labels))
        epochs.append(trained)
    return values, f"{min(epochs)} to {max(epochs)}"


def _of_one_activity(scaled: np.ndarray, minutes: float) -> tuple[np.ndarray, int]:
    import tsgm

    parts = tsgm.models.architectures.zoo["vae_conv5"](scaled.shape[1], scaled.shape[2], VAE["latent"])
    model = tsgm.models.cvae.BetaVAE(parts.encoder, parts.decoder)
    epochs = _trained(model, (scaled,), VAE, minutes)
    return np.asarray(model.generate(len(scaled))), epochs


def _trained(model: Any, data: tuple[np.ndarray, ...], settings: Mapping[str, int], minutes: float) -> int:
    """Fit with Adam as it stands, as the notebooks do; gives the epochs."""
    import keras

    began = time.process_time()

    def stop_in_time(*_: Any) -> None:
        model.stop_training = time.process_time() - began > 60 * minutes

    model.compile(optimizer=keras.optimizers.Adam())
    stop = keras.callbacks.LambdaCallback(on_epoch_end=stop_in_time)
    told = model.fit(
        *data, epochs=settings["epochs"], batch_size=settings["batch_windows"], verbose=2, callbacks=[stop]
    )
    return len(told.epoch)


KINDS = {"cvae": _conditional, "vae": _by_activity}

if __name__ == "__main__":
    main()
