"""What 16 to 256 machines would make of a step that was measured on one: a calculation, and no measurement.

Synchronous, by a ring all-reduce: each worker sends and receives 2 (N - 1) / N times the gradient, in 2 (N - 1)
messages (Patarasuk & Yuan, 2009), after the gradient is whole, so nothing is hidden behind the computation. Each worker
keeps its own share of the batch, which grows with the workers. Asynchronous, by one parameter server: every push brings
a gradient and takes the weights along, so the server's link carries one of either a push in each direction; it applies
them one by one. Workers are alike and never late, and nothing is compressed.
"""

from dataclasses import dataclass

from benchmarks import table

WORKERS = (2, 16, 64, 256)


@dataclass(frozen=True)
class Network:
    """What stands between machines."""

    name: str
    bytes_a_second: float
    seconds_a_message: float


NETWORKS = (Network("1 Gbit/s, 100 us", 125e6, 100e-6), Network("10 Gbit/s, 50 us", 1.25e9, 50e-6))
HEADS = ("network", "workers", "all-reduce, ms", "efficiency, synchronous", "efficiency, asynchronous", "staleness")


def lines(step_seconds: float, gradient_bytes: int, server_seconds: float) -> list[str]:
    """A table over networks and workers, and what it was calculated from."""
    measured = (step_seconds, gradient_bytes, server_seconds)
    body = [_row(network, count, *measured) for network in NETWORKS for count in WORKERS]
    about = (
        f"Calculated, not measured: a step of {1e3 * step_seconds:.0f} ms of processor time on a worker's 64 windows, "
        f"a gradient of {gradient_bytes / 1e6:.2f} MB, {1e3 * server_seconds:.1f} ms for an update on the "
        "parameter server. Synchronous: ring all-reduce (Patarasuk & Yuan, 2009), not overlapped; asynchronous: as "
        "many pushes as the server's link and processor take. Efficiency: windows a second over those of as many "
        "workers alone; it counts no lateness of workers and nothing that larger batches or staleness cost in accuracy."
    )
    return [about, "", *table.markdown(HEADS, body)]


def _row(network: Network, workers: int, step_seconds: float, gradient_bytes: int, server_seconds: float) -> list[str]:
    reduce = ring_seconds(workers, gradient_bytes, network)
    pushes = pushes_a_second(workers, step_seconds, gradient_bytes, network, server_seconds)
    return [
        *(network.name, str(workers), f"{1e3 * reduce:.1f}", f"{step_seconds / (step_seconds + reduce):.2f}"),
        *(f"{pushes * step_seconds / workers:.2f}", f"about {workers - 1}"),
    ]


def ring_seconds(workers: int, gradient_bytes: int, network: Network) -> float:
    """How long a ring all-reduce takes."""
    moved = 2 * (workers - 1) / workers * gradient_bytes
    return moved / network.bytes_a_second + 2 * (workers - 1) * network.seconds_a_message


def pushes_a_second(
    workers: int, step_seconds: float, gradient_bytes: int, network: Network, server_seconds: float
) -> float:
    """How many gradients one server takes: as many as come, or as its link or its processor lets through."""
    transfer = gradient_bytes / network.bytes_a_second
    alone = step_seconds + 2 * transfer + 2 * network.seconds_a_message + server_seconds
    return min(workers / alone, 1 / transfer, 1 / server_seconds)
