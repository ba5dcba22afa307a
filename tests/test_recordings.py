"""Recordings come back from disk as they were, to the bit, and leave the same bytes each time."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensegen import recordings, signal_files
from sensegen.recording import Activity, InvalidRecording, Recording, Signal

ANY_BITS = st.integers(0, 2**64 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def signal(samples: int, channels: tuple[str, ...] = ("x", "y"), *, unit: str = "g", rate_hz: float = 50.0) -> Signal:
    values = np.random.default_rng(samples).normal(size=(samples, len(channels)))
    return Signal(values, np.arange(samples) / rate_hz, rate_hz, unit, channels)


def recording(name: str, **signals: Signal) -> Recording:
    return Recording(name, "S1", signals, (Activity("WALKING", 0.0, 1.0),))


def same(first: Recording, second: Recording) -> bool:
    """Equal, with values compared by their bits: a NaN equals itself, and 0.0 is not -0.0."""
    if (first.name, first.subject, first.activities) != (second.name, second.subject, second.activities):
        return False
    if list(first.signals) != list(second.signals):
        return False
    return all(_same_signal(one, second.signals[name]) for name, one in first.signals.items())


def _same_signal(one: Signal, other: Signal) -> bool:
    if (one.rate_hz, one.unit, one.channels) != (other.rate_hz, other.unit, other.channels):
        return False
    return one.values.tobytes() == other.values.tobytes() and one.times_s.tobytes() == other.times_s.tobytes()


@st.composite
def datasets(draw: st.DrawFn) -> list[Recording]:
    layouts = {"acceleration": ("x", "y", "z"), "heart": ("rate",)}
    made = []
    for _ in range(draw(st.integers(0, 4))):
        signals = {}
        for name in draw(st.lists(st.sampled_from(sorted(layouts)), unique=True)):
            samples, width = draw(st.integers(0, 6)), len(layouts[name])
            bits = draw(st.lists(ANY_BITS, min_size=samples * (width + 1), max_size=samples * (width + 1)))
            numbers = np.array(bits, np.uint64).view(np.float64).reshape(samples, width + 1)
            rate_hz = draw(st.sampled_from([1 / 3, 50.0, 200.7]))
            signals[name] = Signal(numbers[:, 1:].copy(), numbers[:, 0].copy(), rate_hz, "°/s", layouts[name])
        spans = draw(st.lists(st.builds(Activity, TEXT, st.floats(allow_nan=False), st.floats(allow_nan=False))))
        made.append(Recording(draw(TEXT), draw(TEXT), signals, tuple(spans)))
    return made


@given(written=datasets(), group=st.integers(1, 12))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_recordings_come_back_bit_for_bit_and_in_order(tmp_path, monkeypatch, written, group):
    monkeypatch.setattr(signal_files, "ROW_GROUP_SAMPLES", group)
    recordings.write(written, tmp_path / "recordings")
    back = list(recordings.read(tmp_path / "recordings"))
    assert len(back) == len(written)
    assert all(same(one, other) for one, other in zip(written, back, strict=True))


def test_the_same_recordings_leave_the_same_bytes(tmp_path):
    made = [recording(str(at), acceleration=signal(100 + at), heart=signal(3, ("rate",))) for at in range(5)]
    for name in ("one", "two"):
        recordings.write(made, tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["acceleration.parquet", "heart.parquet", "recordings.parquet"]
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files)


def test_many_short_recordings_share_row_groups(tmp_path):
    import pyarrow.parquet as pq

    recordings.write((recording(str(at), acceleration=signal(128)) for at in range(2000)), tmp_path / "recordings")
    assert pq.ParquetFile(tmp_path / "recordings" / "acceleration.parquet").num_row_groups == 2


def test_a_failure_among_the_recordings_leaves_what_was_there(tmp_path):
    def failing() -> Iterator[Recording]:
        yield recording("new", acceleration=signal(10))
        raise InvalidRecording("the second is broken")

    recordings.write([recording("old", acceleration=signal(10))], tmp_path / "recordings")
    with pytest.raises(InvalidRecording, match="second"):
        recordings.write(failing(), tmp_path / "recordings")
    assert [one.name for one in recordings.read(tmp_path / "recordings")] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["recordings"]


def test_a_recording_in_another_unit_is_refused_by_name(tmp_path):
    mixed = [recording("first", acceleration=signal(9)), recording("second", acceleration=signal(9, unit="m/s^2"))]
    with pytest.raises(InvalidRecording, match=r"second.*m/s\^2"):
        recordings.write(mixed, tmp_path / "recordings")


def test_a_folder_without_recordings_names_the_file_it_lacks(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        next(recordings.read(tmp_path / "recordings"))
    assert Path(caught.value.filename) == tmp_path / "recordings"


def in_shards(folder: Path, sizes: list[int]) -> list[Recording]:
    made = [recording(f"{at}", acceleration=signal(10 + at)) for at in range(sum(sizes))]
    left = iter(made)
    for number, size in enumerate(sizes):
        recordings.write([next(left) for _ in range(size)], folder / f"{number:06d}")
    return made


def test_shards_are_read_in_the_order_of_their_numbers_and_nothing_else_is(tmp_path):
    made = in_shards(tmp_path, [2, 0, 3])
    recordings.write([recording("refused", acceleration=signal(5))], tmp_path / "quarantine" / "one")
    assert [path.name for path in recordings.shards(tmp_path)] == ["000000", "000001", "000002"]
    assert [one.name for one in recordings.read(tmp_path)] == [one.name for one in made]


@given(sizes=st.lists(st.integers(0, 5), min_size=1, max_size=3), samples=st.integers(1, 60), group=st.integers(1, 40))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_runs_hold_every_recording_once_in_order(tmp_path_factory, monkeypatch, sizes, samples, group):
    monkeypatch.setattr(signal_files, "ROW_GROUP_SAMPLES", group)
    folder = tmp_path_factory.mktemp("recordings")
    made = in_shards(folder, sizes)
    back = [one for run in recordings.runs(folder, samples) for one in recordings.read_run(run)]
    assert len(back) == len(made) and all(map(same, made, back))


def test_a_run_reads_only_the_row_groups_that_hold_it(tmp_path, monkeypatch):
    monkeypatch.setattr(signal_files, "ROW_GROUP_SAMPLES", 10)
    in_shards(tmp_path, [20])
    (one,) = recordings.read_run(recordings.Run(tmp_path / "000000", 17, 18, samples=27))
    with signal_files.SignalReader(tmp_path / "000000" / "acceleration.parquet", 17) as reader:
        assert reader._next() and reader.numbers[0] == 17
    assert one.name == "17" and same(one, recording("17", acceleration=signal(27)))


def test_devices_keep_their_own_rates(tmp_path):
    recordings.write((recording(f"{hz}", acceleration=signal(9, rate_hz=hz)) for hz in (50.0, 198.6)), tmp_path / "all")
    assert [one.signals["acceleration"].rate_hz for one in recordings.read(tmp_path / "all")] == [50.0, 198.6]
