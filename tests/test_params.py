"""params.yaml: what is wrong is named, with what came and the nearest valid key; nothing is guessed."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sensegen import params as schema
from sensegen.params import InvalidParams

COMMITTED = yaml.safe_load((Path(__file__).resolve().parents[1] / "params.yaml").read_text(encoding="utf-8"))


def changed(key: str, value: object) -> dict:
    """The committed params with one key set."""
    document = yaml.safe_load(yaml.safe_dump(COMMITTED))
    *sections, last = key.split(".")
    place = document
    for section in sections:
        place = place[section]
    place[last] = value
    return document


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("train_generator.generator.head", 64, r"train_generator\.generator\.head is no key.*got 64.*\.heads\?"),
        ("retrain.inbox", "../elsewhere", r"retrain\.inbox must be a folder in the project's folder.*\.\./elsewhere"),
        ("retrain.inbox", ".", r"retrain\.inbox must be a folder in the project's folder"),
        ("windw", {}, r"windw is no key of params\.yaml.*Did you mean window\?"),
        ("seed", "zero", r"seed: .*integer.*got 'zero'"),
        ("seed", -1, r"seed: .*greater than or equal to 0 \(got -1\)"),
        ("evaluate.seeds", 2.5, r"evaluate\.seeds: .*got 2\.5"),
        ("train_discriminator.optimiser.learning_rate", "1e-5", r"learning_rate: .*got '1e-5'\)\..*write 1\.0e-05\."),
        ("window.overlap", 1.0, r"window\.overlap: .*less than 1 \(got 1\.0\)"),
        ("download.timeout_seconds", float("inf"), r"download\.timeout_seconds: .*finite"),
        ("dataset.name", "simulatd", r"dataset\.name must be one of simulated, uci_har.*Did you mean simulated\?"),
        ("train_generator.generator.kind", "mdn", r"train_generator\.generator\.kind must be one of.*mdn_rnn\?"),
        ("train_generator.generator.heads", 5, r"four times the width must be a multiple of heads"),
        ("window.split.test_subjects", ["S11"], r"both name \['S11'\]; a person belongs to one split"),
        ("window.channels", ["acc_x", "acc_x"], r"window\.channels names \['acc_x'\] more than once"),
    ],
)
def test_what_is_wrong_is_named_with_what_came(key, value, said):
    with pytest.raises(InvalidParams, match=said):
        schema.check(changed(key, value))


def test_a_missing_key_is_named():
    document = changed("seed", 0)
    del document["train_generator"]["optimiser"]["learning_rate"]
    with pytest.raises(InvalidParams, match=r"train_generator\.optimiser\.learning_rate is missing"):
        schema.check(document)


def test_every_error_is_told_at_once():
    document = changed("seed", -1)
    document["window"]["rate_hz"] = 0
    with pytest.raises(InvalidParams) as told:
        schema.check(document)
    assert "seed" in str(told.value) and "window.rate_hz" in str(told.value)


def test_a_univariate_generator_with_many_channels_is_refused():
    generator = {"kind": "sensegen_paper", "log_stddev": {"low": -6.0, "high": 2.0}}
    with pytest.raises(InvalidParams, match=r"kind sensegen_paper models one channel.*names 7"):
        schema.check(changed("train_generator.generator", generator))


def test_a_generator_with_a_critic_of_its_own_does_not_alternate():
    generator = {"kind": "mlp_gan", "width": 8, "samples_a_step": 1, "dropout": 0.2}
    generator |= {"critic_learning_rate": 0.001, "temperature": 1.0}
    with pytest.raises(InvalidParams, match=r"alternate\.rounds must be 0 for a generator of kind mlp_gan.*is 3"):
        schema.check(changed("train_generator.generator", generator))


@given(st.integers(0, 2**31 - 1), st.integers(1, 512), st.floats(0.01, 0.99))
def test_valid_params_survive_a_round_trip_through_yaml(seed, filters, share):
    document = changed("seed", seed)
    document["evaluate"]["cnn"]["filters"] = filters
    document["window"]["held_out_time_share"] = share
    first = schema.check(document)
    again = schema.check(yaml.safe_load(yaml.safe_dump(first.model_dump(by_alias=True))))
    assert again == first


@pytest.mark.parametrize("text", ["[1, 2]", "seed: [", "\x00"])
def test_a_file_that_is_no_mapping_is_refused_by_name(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidParams, match=r"params\.yaml"):
        schema.load(path)


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(InvalidParams, match="Restore it, or run in the project's folder"):
        schema.load(tmp_path / "params.yaml")
