"""Tells the activity of a stream of samples, as a phone would: NumPy and ai_edge_litert, nothing of this project.

    python examples/stream_activity.py artifacts/export/classifier < samples.csv

Standard input is CSV: a header with `time_s` and the model's channels in any order, in the units of `model.json`, then
a line a sample. Samples may come at any times; between two of them values are interpolated to the model's rate. (Who
has a sensor at several times that rate should filter it down first, since what is faster would be folded in.) A gap of
more than a quarter of a second empties the window. Every half window a line `time_s,activity,probability` is written.
"""

import argparse
import csv
import json
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

MAX_GAP_SECONDS = 0.25


class Activity:
    """The exported classifier: a window in the channels' units in, activity and its probability out."""

    def __init__(self, folder: Path, name: str):
        self.about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        self.mean, self.stddev = (np.array(self.about[key]) for key in ("mean", "stddev"))
        path = folder / self.about["files"][name]
        self.interpreter = Interpreter(model_path=str(path), num_threads=1)
        self.interpreter.allocate_tensors()
        (self.input,), (self.output,) = self.interpreter.get_input_details(), self.interpreter.get_output_details()

    def __call__(self, window: np.ndarray) -> tuple[str, float]:
        """Of one window (time, channel)."""
        values = ((window - self.mean) / self.stddev)[None]
        self.interpreter.reset_all_variables()  # an LSTM would go on from the window before
        self.interpreter.set_tensor(self.input["index"], rounded(values, self.input))
        self.interpreter.invoke()
        logits = unrounded(self.interpreter.get_tensor(self.output["index"])[0], self.output)
        shares = np.exp(logits - logits.max())
        likeliest = int(np.argmax(shares))
        return self.about["classes"][likeliest], float(shares[likeliest] / shares.sum())


def rounded(values: np.ndarray, told: dict) -> np.ndarray:
    """Values as the model's input has them: as they are, or in int8."""
    if told["dtype"] != np.int8:
        return values.astype(told["dtype"])
    scale, zero = told["quantization"]
    return np.clip(np.round(values / scale) + zero, -128, 127).astype(np.int8)


def unrounded(values: np.ndarray, told: dict) -> np.ndarray:
    """And back."""
    scale, zero = told["quantization"]
    return (values.astype(float) - zero) * scale if told["dtype"] == np.int8 else values.astype(float)


def samples(lines: Iterable[str], channels: list[str]) -> Iterator[tuple[float, np.ndarray]]:
    """Time in seconds and values of each line."""
    reader = csv.DictReader(lines)
    if missing := {"time_s", *channels} - set(reader.fieldnames or ()):
        sys.exit(f"The header must name time_s and {', '.join(channels)}, but lacks {', '.join(sorted(missing))}.")
    for row in reader:
        yield float(row["time_s"]), np.array([float(row[name]) for name in channels])


def regular(stream: Iterable[tuple[float, np.ndarray]], rate_hz: float) -> Iterator[tuple[float, np.ndarray, bool]]:
    """Values at the model's rate, their time, and whether they begin anew: at first, and after a gap."""
    before, begin, count = None, 0.0, 0
    for time_s, values in stream:
        if before is None or not 0 < time_s - before[0] <= MAX_GAP_SECONDS:
            begin, count = time_s, 1
            yield time_s, values, True
        else:
            while (wanted := begin + count / rate_hz) <= time_s + 1e-9:
                share = (wanted - before[0]) / (time_s - before[0])
                yield wanted, before[1] + share * (values - before[1]), False
                count += 1
        before = time_s, values


def main() -> None:
    parser = argparse.ArgumentParser(description="The activity of samples from standard input.")
    parser.add_argument("folder", type=Path, help="what the stage export wrote: artifacts/export/classifier")
    parser.add_argument("--format", default="int8", choices=["float", "dynamic_range", "int8"])
    options = parser.parse_args()
    activity = Activity(options.folder, options.format)
    length = activity.about["length"]
    window, missing = deque(maxlen=length), length
    for time_s, values, anew in regular(samples(sys.stdin, activity.about["channels"]), activity.about["rate_hz"]):
        if anew:
            window.clear()
            missing = length
        window.append(values)
        missing -= 1
        if not missing:
            name, probability = activity(np.array(window))
            print(f"{time_s:.3f},{name},{probability:.3f}", flush=True)
            missing = max(length // 2, 1)


if __name__ == "__main__":
    main()
