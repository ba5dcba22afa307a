"""`python -m benchmarks NAME`: run one benchmark, which puts its table into docs/benchmarks.md.

`augmentation`, `gates`, `looks` and `results` train nothing: they record the pipeline's last run, `results` in README's
table.
"""

import argparse
import importlib

BENCHMARKS = (
    "adversarial_speed",
    "anchor",
    "archive_to_windows",
    "augmentation",
    "chickenpox",
    "clipping",
    "completion",
    "data_parallel",
    "divergence",
    "dowgan",
    "export",
    "fusion",
    "gates",
    "hapt_against_uci_har",
    "looks",
    "mutations",
    "peers",
    "pipelines",
    "published_protocol",
    "results",
    "sampling_speed",
    "serving_load",
    "suite",
    "training_speed",
    "tuning",
    "univariate_nll",
    "warm_starts",
    "window_length",
    "windowing",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS)
    name = parser.parse_args().name
    lines = importlib.import_module(f"benchmarks.{name}").run()
    print("\n".join(lines))


if __name__ == "__main__":
    main()
