"""A warm start: what fits is carried over and the rest named, what is held stays, and other models are refused."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import FAST, SMALL_RECURRENT, put_windows, sines

from sensegen import params as schema
from sensegen import pretraining, weights
from sensegen.divergence import AlertLog
from sensegen.generators import build_generator, load_generator
from sensegen.params import InvalidParams
from sensegen.params.models import FlowMatchingParams, WarmStartParams
from sensegen.scaling import Scaling
from sensegen.training_run import Training
from sensegen.warm_start import begin, frozen
from sensegen.windows import Windows

ROOT = Path(__file__).resolve().parents[1]
FLOW = FlowMatchingParams(
    kind="flow_matching", width=8, heads=2, precision="float32", sampling_steps=2, temperature=1.0
)


UNSCALED = Scaling(np.zeros(2), np.ones(2))


@pytest.fixture(scope="module")
def windows() -> Windows:
    return sines(np.random.default_rng(0), 96)


def trained(params, windows: Windows, tmp_path: Path, generator, epochs: int, warm: WarmStartParams | None = None):
    """A generator trained on windows, and the rows of its epochs."""
    changes = {"generator": generator.params, "optimiser": FAST, "epochs": epochs, "patience": None, "warm_start": warm}
    section = params.train_generator.model_copy(update=changes)
    training = Training(params.model_copy(update={"train_generator": section}), AlertLog(tmp_path / "alerts", "train"))
    pretraining.pretrain(generator, windows, windows, training)
    return training.rows


@pytest.fixture(scope="module")
def model(params, windows, tmp_path_factory) -> Path:
    """The folder of a recurrent generator that was trained on the windows."""
    root = tmp_path_factory.mktemp("model")
    generator = build_generator(windows.shape, SMALL_RECURRENT, seed=0)
    trained(params, windows, root, generator, epochs=12)
    generator.save(root / "model")
    return root / "model"


def warm(model: Path, **changed) -> WarmStartParams:
    told = {"model": model.name, "sha256": weights.digest(model), "frozen": [], "frozen_epochs": None}
    return WarmStartParams(**told | changed)


@pytest.mark.slow
def test_training_goes_on_where_that_of_the_model_had_come_to(params, windows, model, tmp_path):
    scratch, warmed = (build_generator(windows.shape, SMALL_RECURRENT, seed=1) for _ in range(2))
    told = begin(warmed, windows, warm(model), model.parent)
    assert not told.anew and list(told.carried) == list(warmed.trained())
    losses = [
        trained(params, windows, tmp_path / name, generator, epochs=1)[0]["validation_loss"]
        for name, generator in (("scratch", scratch), ("warmed", warmed))
    ]
    assert losses[1] < losses[0] - 0.02


def test_what_settles_is_taken_from_the_windows_at_hand(params, windows, model, tmp_path):
    louder = replace(windows, values=3 * windows.values)
    warmed = build_generator(windows.shape, SMALL_RECURRENT, seed=1)
    begin(warmed, louder, warm(model), model.parent)
    trained(params, louder, tmp_path, warmed, epochs=1)
    before, after = load_generator(model).arrays(), warmed.arrays()
    spread = next(name for name in before if name.endswith("spread"))
    assert after[spread][:, 0] == pytest.approx(3 * before[spread][:, 0], rel=1e-3)


def test_layers_of_another_shape_begin_anew_and_are_named(windows, model):
    wide = SMALL_RECURRENT.model_copy(update={"hidden": 16})
    warmed = build_generator(windows.shape, wide, seed=1)
    fresh = warmed.arrays()
    told = begin(warmed, windows, warm(model), model.parent)
    assert set(told.carried) | set(told.anew) == set(warmed.trained())
    assert {layer_of(name) for name in told.anew} == {"hidden", "mixture"}
    (kernel,) = (name for name in told.anew if name.endswith("hidden/kernel"))
    assert told.anew[kernel] == "of shape (8, 16), there (8, 8)"
    source, now = load_generator(model).arrays(), warmed.arrays()
    for name in told.carried:
        assert np.array_equal(now[name], source[name])
    assert np.array_equal(now[kernel], fresh[kernel])
    assert json.loads(told.document(warm(model)))["anew"] == told.anew


def layer_of(name: str) -> str:
    return next(layer for layer in ("recurrent_0", "hidden", "mixture") if layer in name.split("/"))


def changed(generator, before: dict[str, np.ndarray]) -> set[str]:
    """The layers of which some weight is another one than before."""
    after = generator.arrays()
    return {layer_of(name) for name in generator.trained() if not np.array_equal(after[name], before[name])}


def test_layers_that_are_held_stay_as_they_are_until_they_are_freed(params, windows, model, tmp_path):
    held = warm(model, frozen=["recurrent_0"], frozen_epochs=2)
    warmed = build_generator(windows.shape, SMALL_RECURRENT, seed=1)
    begin(warmed, windows, held, model.parent)
    before = warmed.arrays()
    rows = trained(params, windows, tmp_path / "held", warmed, 3, held.model_copy(update={"frozen_epochs": None}))
    assert changed(warmed, before) == {"hidden", "mixture"} and len(rows) == 3
    rows = trained(params, windows, tmp_path / "freed", warmed, 3, held)
    assert [row["part"] for row in rows] == ["all, some layers held"] * 2 + ["all"]
    assert changed(warmed, before) == {"recurrent_0", "hidden", "mixture"}
    with frozen(warmed.model, ["mixture"]):
        assert not any("mixture" in variable.path for variable in warmed.model.trainable_variables)
    assert any("mixture" in variable.path for variable in warmed.model.trainable_variables)


@pytest.mark.parametrize("kind", ["mdn_rnn", "flow_matching"])
def test_a_model_of_other_channels_gives_the_layers_that_do_not_see_them(kind, windows, tmp_path):
    params = {"mdn_rnn": SMALL_RECURRENT, "flow_matching": FLOW}[kind]
    one = replace(windows, values=windows.values[..., :1], channels=("a",), units=("g",))
    source = build_generator(one.shape, params, seed=0)
    source.settle(one)
    source.save(tmp_path / "model")
    warmed = build_generator(windows.shape, params, seed=1)
    told = begin(warmed, windows, warm(tmp_path / "model"), tmp_path)
    assert told.carried and told.anew


def test_another_rate_another_kind_nothing_that_fits_and_unknown_layers_are_refused(windows, model, tmp_path):
    generator = build_generator(windows.shape, SMALL_RECURRENT, seed=1)
    before = generator.arrays()
    slower = replace(windows, rate_hz=16.0)
    with pytest.raises(
        InvalidParams, match=r"windows of 16 Hz, as window\.rate_hz, but was on 32 Hz \(a, b\)[\s\S]*7 of 7"
    ):
        begin(generator, slower, warm(model), model.parent)
    with pytest.raises(InvalidParams, match=r"of kind flow_matching.*is of kind mdn_rnn"):
        begin(build_generator(windows.shape, FLOW, seed=0), windows, warm(model), model.parent)
    with pytest.raises(InvalidParams, match=r"frozen names no layer by 'recurrent_7'. There are: .*recurrent_0"):
        begin(generator, windows, warm(model, frozen=["recurrent_7"]), model.parent)
    with pytest.raises(InvalidParams, match=r"must leave a layer to train, but names all of them"):
        begin(generator, windows, warm(model, frozen=["recurrent_0", "hidden", "mixture"]), model.parent)
    wide = build_generator(windows.shape, SMALL_RECURRENT.model_copy(update={"hidden": 16}), seed=0)
    anew = r"hidden/kernel begins anew \(of shape \(8, 16\), there \(8, 8\)\)"
    with pytest.raises(InvalidParams, match=f"come from the model, but .*{anew}"):
        begin(wide, windows, warm(model, frozen=["hidden"]), model.parent)
    lstm = SMALL_RECURRENT.model_copy(update={"cell": "lstm", "units": 5, "hidden": 6, "mixtures": 3})
    with pytest.raises(InvalidParams, match=r"Nothing of.*fits:\n0 of 7[\s\S]*anew: .*recurrent_0"):
        begin(build_generator(windows.shape, lstm, seed=0), windows, warm(model), model.parent)
    assert all(np.array_equal(before[name], array) for name, array in generator.arrays().items())


def test_a_missing_or_changed_model_is_refused_by_its_hash(windows, model, tmp_path):
    import shutil

    generator = build_generator(windows.shape, SMALL_RECURRENT, seed=1)
    shutil.copytree(model, tmp_path / "model")
    told = warm(tmp_path / "model")
    path = tmp_path / "model" / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InvalidParams, match=r"warm_start\.sha256 must be that of model.*Was it changed"):
        begin(generator, windows, told, tmp_path)
    path.unlink()
    with pytest.raises(InvalidParams, match=r"there is no .*weights\.safetensors"):
        begin(generator, windows, told, tmp_path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model": "/elsewhere"}, "in the project's folder"),
        ({"model": "my_files/../../elsewhere"}, "in the project's folder"),
        ({"sha256": "short"}, r"warm_start\.sha256"),
        ({"frozen_epochs": 40}, "fewer than train_generator.epochs"),
    ],
)
def test_what_cannot_be_a_warm_start_is_told_by_its_key(changed, said):
    document = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    told = {"model": "my_files/model", "sha256": "0" * 64, "frozen": [], "frozen_epochs": None}
    document["train_generator"]["warm_start"] = told | changed
    with pytest.raises(InvalidParams, match=said):
        schema.check(document)


def test_the_command_brings_a_folder_or_a_logged_model_and_writes_it_down(model, windows, tmp_path):
    from sensegen import released
    from sensegen.tracking.models import log_release
    from sensegen.tracking.store import connect

    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    (tmp_path / "dvc.yaml").symlink_to(ROOT / "dvc.yaml")
    client, experiment = connect(tmp_path)
    released.write(tmp_path / "release", model, put_windows(tmp_path / "windows", windows, UNSCALED))
    logged = log_release(client, client.create_run(experiment).info.run_id, tmp_path / "release")
    for source in (str(model), f"models:/{logged}"):
        code, told = called(tmp_path, source, "--frozen", "recurrent_0", "--frozen-epochs", "3")
        assert code == 0, told
        params = schema.load(tmp_path / "params.yaml").train_generator.warm_start
        assert params == WarmStartParams(
            model=f"my_files/warm_start/{weights.digest(model)[:16]}",
            sha256=weights.digest(model),
            frozen=["recurrent_0"],
            frozen_epochs=3,
        )
        assert weights.digest(tmp_path / params.model) == params.sha256
        assert begin(build_generator(windows.shape, SMALL_RECURRENT, seed=1), windows, params, tmp_path).carried
    assert "already as" in told
    for source, said in (
        (str(tmp_path), "must be the folder of a generator"),
        ("models:/m-none", "must be a model of"),
    ):
        code, told = called(tmp_path, source)
        assert code == 1 and said in told and "Traceback" not in told
    assert [path.name for path in (tmp_path / "my_files" / "warm_start").iterdir()] == [weights.digest(model)[:16]]


def called(folder: Path, *arguments: str) -> tuple[int, str]:
    """What `sensegen warm-start` answers."""
    command = [sys.executable, "-c", "from flows.cli import app; app()", "warm-start", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    return ended.returncode, ended.stdout + ended.stderr
