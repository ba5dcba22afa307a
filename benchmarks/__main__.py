"""`python -m benchmarks NAME`: run one benchmark, which puts its table into docs/benchmarks.md.

`augmentation`, `gates` and `results` measure nothing: they record the pipeline's last run, `results` in README's table.
"""

import argparse
import importlib

BENCHMARKS = {
    "adversarial_speed": "benchmarks.adversarial_speed",
    "anchor": "benchmarks.anchor",
    "augmentation": "benchmarks.augmentation",
    "archive_to_windows": "benchmarks.archive_to_windows",
    "chickenpox": "benchmarks.chickenpox",
    "clipping": "benchmarks.clipping",
    "completion": "benchmarks.completion",
    "data_parallel": "benchmarks.data_parallel",
    "divergence": "benchmarks.divergence",
    "dowgan": "benchmarks.dowgan",
    "export": "benchmarks.export",
    "fusion": "benchmarks.fusion",
    "gates": "benchmarks.gates",
    "hapt_against_uci_har": "benchmarks.hapt_against_uci_har",
    "mutations": "benchmarks.mutations",
    "peers": "benchmarks.peers",
    "pipelines": "benchmarks.pipelines",
    "published_protocol": "benchmarks.published_protocol",
    "results": "benchmarks.results",
    "sampling_speed": "benchmarks.sampling_speed",
    "serving_load": "benchmarks.serving_load",
    "suite": "benchmarks.suite",
    "training_speed": "benchmarks.training_speed",
    "tuning": "benchmarks.tuning",
    "univariate_nll": "benchmarks.univariate_nll",
    "warm_starts": "benchmarks.warm_starts",
    "window_length": "benchmarks.window_length",
    "windowing": "benchmarks.windowing",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=sorted(BENCHMARKS))
    name = parser.parse_args().name
    lines = importlib.import_module(BENCHMARKS[name]).run()
    print("\n".join(lines))


if __name__ == "__main__":
    main()
