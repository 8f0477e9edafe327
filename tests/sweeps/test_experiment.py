"""The experiments of a sweep: their parameters and names."""

from pathlib import Path

import pytest

from latentlab.config import params
from latentlab.errors import UserError
from latentlab.storage.yaml import parse_yaml
from latentlab.sweeps.axes import parse
from latentlab.sweeps.experiment import Experiment, experiments
from tests.conftest import in_git

TEXT = (
    in_git(Path("studies/tiny/params.yaml")).partition("variants:")[0]
    + """variants:
  # the one that is looked at
  simple: {model: dense, units: [8], epochs: 2, batch_size: 8, seed: 5} # small
  other: {like: simple, seed: 6}
  conv: {model: conv, filters: [2], epochs: 2, batch_size: 8}
"""
)


def made(words: list[str], seeds: int = 1, text: str = TEXT) -> list[Experiment]:
    variant, axes = parse(words)
    return experiments(text, variant, axes, seeds)


def checked(text: str) -> params.Params:
    return params.parse(parse_yaml(text, "params.yaml"))


def test_each_has_its_values_and_seed_and_all_else_as_it_was() -> None:
    found = made(["simple.units=[4],[16]", "simple.epochs=3"], seeds=2)
    assert [(each.group, each.seed) for each in found] == [
        ("units=[4], epochs=3", 5),
        ("units=[4], epochs=3", 6),
        ("units=[16], epochs=3", 5),
        ("units=[16], epochs=3", 6),
    ]
    p = checked(found[2].whole)
    assert p.variants["simple"].settings()["units"] == [16]
    assert p.variants["simple"].training.epochs == 3
    assert p.variants["conv"] == checked(TEXT).variants["conv"]
    assert "# the one that is looked at" in found[2].whole
    assert list(checked(found[2].alone).variants) == ["simple"]


def test_names_say_what_differs_and_are_those_of_git_references() -> None:
    names = [each.name for each in made(["simple.units=[4, 2],[16]", "simple.epochs=3"], seeds=2)]
    assert len(set(names)) == 4
    assert names[0].startswith("simple-units=_4_2_-seed=5-")
    assert names == [each.name for each in made(["simple.units=[4, 2],[16]", "simple.epochs=3"], seeds=2)]
    text = TEXT.replace("batch_size: 8, seed", "batch_size: 4, seed")
    other = made(["simple.units=[4, 2],[16]", "simple.epochs=3"], 2, text)
    assert {each.name for each in other}.isdisjoint(names)  # other results, other names


def test_a_variant_that_is_like_another_has_its_keys() -> None:
    alone = checked(made(["other.epochs=7"])[0].alone)
    assert list(alone.variants) == ["other"]
    assert alone.variants["other"].training.epochs == 7
    assert alone.variants["other"].settings()["units"] == [8]
    assert alone.variants["other"].own.seed == 6


def test_variants_that_a_value_makes_the_same_are_left_out() -> None:
    found = made(["simple.epochs=2"], seeds=2)
    assert list(checked(found[0].whole).variants) == ["simple", "other", "conv"]
    assert list(checked(found[1].whole).variants) == ["simple", "conv"]


def test_a_value_may_make_a_variant_the_same_as_the_one_that_it_is_like() -> None:
    text = TEXT + "  sparse: {like: simple, activity_l1: 0.1}\n"
    found = made(["sparse.activity_l1=0.0,0.2"], text=text)
    assert [list(checked(each.alone).variants) for each in found] == [["sparse"], ["sparse"]]
    assert list(checked(found[0].whole).variants) == ["conv", "sparse"]  # `other` is like one that is left out
    assert list(checked(found[1].whole).variants) == ["simple", "other", "conv", "sparse"]


def test_studies_with_equal_plans_and_own_images_have_names_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (".dvc", "studies/a", "studies/b/data/raw"):
        (tmp_path / folder).mkdir(parents=True)
    names = []
    for folder in ("studies/a", "studies/b"):
        monkeypatch.chdir(tmp_path / folder)
        names.append(made(["simple.epochs=3"])[0].name)
    Path("data/raw/README.md").write_text("what this is for")
    names.append(made(["simple.epochs=3"])[0].name)
    Path("data/raw/a.png").write_text("an image")
    names.append(made(["simple.epochs=3"])[0].name)
    assert names[1] == names[2]
    assert len(set(names)) == 3


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["vae.latent_dim=2"], "params.yaml: variants: found no 'vae', allowed: simple, other, conv"),
        (["simple.epochs=3,0"], "params.yaml: variants.simple.epochs: found 0"),
        (["simple.colour=3"], "params.yaml: variants.simple.colour: unknown key, allowed: activity_l1"),
        (["simple.epochs.more=3"], "sweep: found simple.epochs.more, allowed: no key below epochs, which has a value"),
    ],
)
def test_a_value_that_cannot_be_is_named_before_anything_runs(words: list[str], fault: str) -> None:
    with pytest.raises(UserError) as raised:
        made(words)
    assert str(raised.value).startswith(fault)
