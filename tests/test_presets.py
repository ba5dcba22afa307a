"""Presets change values and nothing else, and always lead back."""

from pathlib import Path

import pytest
import yaml

from sensegen import params, presets

ROOT = Path(__file__).resolve().parents[1]
COMMITTED = (ROOT / "params.yaml").read_text(encoding="utf-8")
FOLDER = ROOT / "presets"
# Not whole: one cuts the budgets of another preset, one asks for more, some take another generator, as those do that a
# search has found; and one is only for preset hapt, since it takes other channels.
FOUND = [name for name in presets.names(FOLDER) if name.startswith("tuned_")]
ON_TOP_OF_ANY = ("quick", "augmentation", "flow_matching", "mdn_rnn", "wgan_gp", "wgan", "dowgan_mlp", *FOUND)
ON_TOP = (*ON_TOP_OF_ANY, "hapt_raw")
WHOLE = [name for name in presets.names(FOLDER) if name not in ON_TOP]


def apply(name: str, text: str) -> str:
    return presets.applied(text, presets.read(FOLDER, name))


def test_the_committed_params_are_the_preset_simulated():
    assert apply("simulated", COMMITTED) == COMMITTED


@pytest.mark.parametrize("name", presets.names(FOLDER))
def test_after_any_preset_simulated_gives_the_committed_bytes_again(name):
    assert apply("simulated", apply(name, COMMITTED)) == COMMITTED


@pytest.mark.parametrize("before", presets.names(FOLDER))
@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_preset_gives_the_same_params_whatever_was_applied_before(name, before):
    directly, around = apply(name, COMMITTED), apply(name, apply(before, COMMITTED))
    assert yaml.safe_load(around) == yaml.safe_load(directly)


@pytest.mark.parametrize("name", presets.names(FOLDER))
def test_every_preset_makes_params_that_the_schema_takes_alone_and_quickly(name):
    text = apply(name, COMMITTED)
    for document in (text, *(apply(on_top, text) for on_top in ON_TOP_OF_ANY)):
        params.check(yaml.safe_load(document))


@pytest.mark.parametrize("name", WHOLE)
def test_quick_cuts_every_budget(name):
    whole = params.check(yaml.safe_load(apply(name, COMMITTED)))
    quick = params.check(yaml.safe_load(apply("quick", apply(name, COMMITTED))))
    assert quick.train_generator.epochs < whole.train_generator.epochs
    assert quick.alternate.generator_epochs < whole.alternate.generator_epochs
    assert quick.evaluate.lstm.epochs < whole.evaluate.lstm.epochs


def test_comments_key_order_and_number_formats_stay():
    text = "a:\n  # above\n  rate: 1.50     # behind\n  tiny: 0.0003\n\n# between\nb: [x, y]\n"
    changed = presets.applied(text, "a:\n  tiny: 0.0001\nb: [z]\n")
    assert changed == "a:\n  # above\n  rate: 1.50     # behind\n  tiny: 0.0001\n\n# between\nb: [z]\n"


def test_a_mapping_that_names_its_variant_is_replaced_and_others_are_merged():
    text = "m:\n  kind: one\n  only_one: 1  # gone\n  both: 2      # stays\n\n# below\nn:\n  p: 1\n  q: 2\n"
    changed = presets.applied(text, "m:\n  kind: two\n  both: 3\nn:\n  q: 4\n")
    assert changed == "m:\n  kind: two\n  both: 3      # stays\n\n# below\nn:\n  p: 1\n  q: 4\n"


def test_lines_below_a_replaced_mapping_stay_below_it():
    text = "m:\n  name: one\n  extra: 1\n\n# about n\nn: 1\n"
    assert presets.applied(text, "m:\n  name: two\n") == "m:\n  name: two\n\n# about n\nn: 1\n"


def test_the_difference_shows_what_changed_and_nothing_else():
    lines = presets.difference("a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n", "a: 1\nb: 2\nc: 3\nd: 4\ne: 6\n")
    assert [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")] == ["-e: 5", "+e: 6"]


def test_an_unknown_preset_is_answered_with_the_nearest_name():
    with pytest.raises(presets.UnknownPreset, match="Did you mean uci_har"):
        presets.read(FOLDER, "uci_hra")
