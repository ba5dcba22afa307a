"""Peers' generators, trained on the fit windows of UCI HAR and judged by `sensegen evaluate` as anybody's windows are.

Each peer is installed into an environment of its own and trained there by a script that imports nothing of this
project: it reads the fit windows, in physical units, from an NPZ, and writes as many windows of each activity to
another. A training gets ten minutes of processor time. Beside the peers the same command judges phase-randomised
surrogates, which are copies of the fit windows in their spectra, and no model of anything.

TSGM 0.1.0 (Nikitin et al., 2023) is trained at the settings of its own notebooks (`train_tsgm.py` says which), on its
Keras backend TensorFlow. Its conditional GANs are not judged: their notebook asks for 1,000 epochs of 40 steps, and a
step of its architecture `cgan_base_c4_l1`, an LSTM over 16 times as many samples as a window has, took 14 seconds here.
"""

import hashlib
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import table, uci_har
from benchmarks.ledger import FOLDER, Ledger, Row, commit, settings_hash
from benchmarks.uci_har import ROOT
from sensegen import window_files
from sensegen.evaluation.headline import at
from sensegen.evaluation.interval import is_null
from sensegen.evaluation.real import Real
from sensegen.evaluation.surrogates import phase_surrogate
from sensegen.windows import Windows

SCRATCH = ROOT / ".cache" / "peers"  # environments, windows, and a page for each peer; may be deleted at any time
SEEDS, TRAINING_MINUTES, TRAINING_SEED = 2, 10, 0  # minutes of processor time
# TSGM pins statsmodels 0.14.5, which cannot be imported beside pandas 3.
TSGM = ("tsgm[tensorflow]==0.1.0", "pandas<3")
TSGM_SCRIPT = ROOT / "benchmarks" / "train_tsgm.py"

CLASSIFIER, JUDGES, DISTANCES = (
    "random_convolution",
    ("cnn", "gru", "spectral"),
    ("log_psd", "wasserstein", "context_fid"),
)
SIDES = {"": "synthetic", "_floor_halves": "real_halves", "_floor_test": "real_test"}
PATHS: Mapping[str, tuple[str, ...]] = {
    **{name: (name, CLASSIFIER, "macro_f1") for name in ("trtr", "tstr", "tstr_ratio")},
    **{f"{judge}": ("detection", judge, "discriminative_score") for judge in JUDGES},
    **{f"{judge}_floor": ("detection", judge, "floor") for judge in JUDGES},
    **{f"{name}{ending}": ("fidelity", side, name) for name in DISTANCES for ending, side in SIDES.items()},
    **{
        f"neighbour_{of}": ("memorisation", "nearest_neighbour_ratio", of, "over_classes")
        for of in ("time", "spectrum")
    },
    **{f"copies_{of}": ("memorisation", "copies", of, "share") for of in ("time", "spectrum")},
}
UNMEASURED = "not measured"
LEDGER = Ledger(
    FOLDER / "peers.csv",
    ("commit", "peer", "version", "settings", "epochs", "minutes", "judging_minutes", *PATHS, "membership_auc"),
    ("peer", "version", "settings"),
)
Maker = Callable[[Real, Path], Mapping[str, Any]]  # writes a file of windows; gives epochs and minutes


@dataclass(frozen=True)
class Peer:
    """Whose windows are judged, and what else than its version decides how they come out."""

    version: str
    settings: Mapping[str, Any]
    make: Maker


def run() -> list[str]:
    """Train and judge what is missing; each peer adds its row to docs/results/ as it is judged."""
    rows = [measured(name, peer) for name, peer in PEERS.items()]
    lines = [*_explanation(), "", *table.markdown(HEADS, [_shown(row) for row in rows])]
    table.put("peers", lines)
    return lines


def measured(name: str, peer: Peer) -> Row:
    """The row of a peer, from the ledger if it has been judged with these settings."""
    known = {"peer": name, "version": peer.version, "settings": _settings(peer)}
    return LEDGER.find(known) or LEDGER.append({"commit": commit(), **known, **_judged(name, peer)})


def _settings(peer: Peer) -> str:
    judged_by = uci_har.preset_params().evaluate.model_dump(mode="json")
    return settings_hash({"training": dict(peer.settings), "evaluate": judged_by, "seeds": SEEDS})


def _judged(name: str, peer: Peer) -> dict[str, Any]:
    """Make the windows, judge them, and read the numbers."""
    real, folder = real_windows(), SCRATCH / name.replace(" ", "_")
    folder.mkdir(parents=True, exist_ok=True)
    made = peer.make(Real.open(real), folder / "synthetic.npz")
    began = _processor_minutes(resource.RUSAGE_CHILDREN)
    evaluated(real, folder / "synthetic.npz", folder / "judged")
    metrics = json.loads((folder / "judged" / "metrics.json").read_text(encoding="utf-8"))
    return {
        **made,
        "judging_minutes": f"{_processor_minutes(resource.RUSAGE_CHILDREN) - began:.1f}",
        **figures(metrics),
    }


def real_windows() -> Path:
    """The window folder of UCI HAR in our split, made once."""
    folder = SCRATCH / "uci_har"
    done = folder / "done"
    if not done.exists():
        uci_har.our_split(folder)
        done.touch()
    return folder / "artifacts" / "window"


def evaluated(real: Path, synthetic: Path, out: Path) -> None:
    """`sensegen evaluate`, in a process of its own as a user starts it."""
    command = [sys.executable, "-c", "from flows.cli import app; app()", "evaluate", "--seeds", str(SEEDS)]
    command += ["--preset", "uci_har", "--real", str(real), "--synthetic", str(synthetic), "--out", str(out)]
    subprocess.run(command, cwd=ROOT, check=True)


# --- who makes windows


def surrogates(real: Real, synthetic: Path) -> Mapping[str, Any]:
    """Our control: each fit window with random phases."""
    began = _processor_minutes(resource.RUSAGE_SELF)
    values = phase_surrogate(real.fit, real.fit.labels, TRAINING_SEED)
    window_files.write(synthetic, physical(real, values))
    return {"epochs": "", "minutes": f"{_processor_minutes(resource.RUSAGE_SELF) - began:.1f}"}


def by_tsgm(kind: str) -> Maker:
    """A generator of TSGM, trained in its environment."""

    def make(real: Real, synthetic: Path) -> Mapping[str, Any]:
        fit = synthetic.with_name("fit.npz")
        window_files.write(fit, physical(real, np.asarray(real.fit.values)))
        asked = ["--minutes", str(TRAINING_MINUTES), "--seed", str(TRAINING_SEED)]
        command = [str(environment(TSGM)), str(TSGM_SCRIPT), kind, str(fit), str(synthetic), *asked]
        told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        return json.loads(told.splitlines()[-1])

    return make


def physical(real: Real, values: np.ndarray) -> Windows:
    """Scaled windows of fit's activities in their units, of no person."""
    return replace(real.fit, values=real.scaling.invert(values), subjects=("",) * len(real.fit))


def environment(requirements: Sequence[str]) -> Path:
    """The Python of a virtual environment that holds the requirements; made once."""
    folder = SCRATCH / f"environment_{settings_hash({'requirements': list(requirements)})}"
    python, done = folder / "bin" / "python", folder / "done"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *requirements], check=True)
        done.touch()
    return python


def _tsgm(kind: str) -> Peer:
    script = hashlib.sha256(TSGM_SCRIPT.read_bytes()).hexdigest()
    settings = {"requirements": TSGM, "script": script, "minutes": TRAINING_MINUTES, "seed": TRAINING_SEED}
    return Peer("tsgm 0.1.0", settings, by_tsgm(kind))


PEERS: Mapping[str, Peer] = {
    "TSGM conditional VAE": _tsgm("cvae"),
    "TSGM VAE, one an activity": _tsgm("vae"),
    "phase-randomised surrogates": Peer("ours", {"seed": TRAINING_SEED}, surrogates),
}


# --- numbers


def figures(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Of a metrics.json, what a row shows: means over seeds."""
    attacks = metrics["privacy"].get("by_window", {})
    found = [_number(attack["auc"]) for attack in attacks.values()]
    strongest = max((auc for auc in found if auc != UNMEASURED), key=float, default=UNMEASURED)
    return {**{name: _number(at(metrics, path)) for name, path in PATHS.items()}, "membership_auc": strongest}


def _number(measured: Any) -> str:
    if is_null(measured):
        return UNMEASURED
    return f"{measured['mean'] if isinstance(measured, Mapping) else measured:.4g}"


DISTANCE_TITLES = ("log spectrum", "Wasserstein", "Context-FID")
HEADS: Sequence[str] = (
    *(
        "peer",
        "version",
        "training, processor minutes (epochs)",
        "TSTR / TRTR",
        *(f"told apart, {judge}" for judge in JUDGES),
    ),
    *(*DISTANCE_TITLES, "nearest neighbour, time; spectrum", "copies, time; spectrum", "membership AUC"),
    "judging, processor minutes",
)


def _shown(row: Row) -> list[str]:
    trained = f"{row['minutes']} ({row['epochs']})" if row["epochs"] else row["minutes"]
    return [
        *(row["peer"], row["version"], trained),
        f"{_round(row['tstr_ratio'])} ({_round(row['tstr'])} / {_round(row['trtr'])})",
        *(_beside(row, judge, "_floor") for judge in JUDGES),
        *(_beside(row, name, "_floor_halves", "_floor_test") for name in DISTANCES),
        *(_both(row, "neighbour"), _both(row, "copies"), _round(row["membership_auc"]), row["judging_minutes"]),
    ]


def _beside(row: Row, name: str, *floors: str) -> str:
    return f"{_round(row[name])} ({' / '.join(_round(row[name + floor]) for floor in floors)})"


def _both(row: Row, name: str) -> str:
    return "; ".join(_round(row[f"{name}_{of}"]) for of in ("time", "spectrum"))


def _round(number: str) -> str:
    return number if number == UNMEASURED else f"{float(number):.3f}"


def _processor_minutes(whose: int) -> float:
    """Of this process, or of all processes that it started and that have ended."""
    used = resource.getrusage(whose)
    return (used.ru_utime + used.ru_stime) / 60


def _explanation() -> Iterator[str]:
    yield (
        f"Trained on the fit windows of UCI HAR in our split, each for at most {TRAINING_MINUTES} minutes of processor "
        f"time, then judged by `sensegen evaluate --seeds {SEEDS} --preset uci_har`; means over these seeds, which "
        "repeat the judging and not the training."
    )
    yield ""
    yield (
        "TSTR and TRTR: macro-F1 of the random convolutions. Told apart: discriminative score, 0 to 0.5 (its floor: "
        "real against real of the same people). Distances: in brackets those of real halves / of real test windows. "
        "Nearest neighbour: distance to the fit windows by that of later real windows of the same people; far below 1 "
        "is copying. Membership: the strongest attack on windows, 0.5 is chance."
    )
    yield ""
    yield (
        "TSGM at the settings of its notebooks (`benchmarks/train_tsgm.py`), on TensorFlow, channels scaled to 0 to 1 "
        "by its own scaler: the conditional VAE `cvae_conv5` with 32 latent numbers a sample, the VAE `vae_conv5` with "
        "10 a window; at most 100 epochs. On TensorFlow the decoder of the former is trained on what the encoder takes "
        "for the mean, without its noise, and sampling draws from a standard normal."
    )
