"""Variants that are like others, with seeds of their own."""

import re
from typing import Any

import pytest

from latentlab.config.params import parse
from latentlab.config.replicates import replicates
from latentlab.config.stages import ForEvaluate, ForExtract, ForTrain, parameters_by_stage
from latentlab.errors import UserError

Content = dict[str, Any]


def given(tiny: Content, **entries: Any) -> Content:
    tiny["variants"] = {"simple": tiny["variants"]["simple"], **entries}
    return tiny


def test_an_entry_has_the_keys_of_the_one_that_it_is_like(tiny: Content) -> None:
    entries = {
        "longer": {"like": "wider", "epochs": 7},
        "wider": {"like": "simple", "units": [64]},
        "simple_2": {"like": "simple", "seed": 43},
    }
    p = parse(given(tiny, **entries))
    simple = p.variant("simple").settings()
    assert p.variant("wider").settings() == simple | {"units": [64]}
    assert p.variant("longer").settings() == simple | {"units": [64], "epochs": 7}
    assert p.variant("simple_2").settings() == simple
    assert (p.variant("simple").own.seed, p.variant("simple_2").own.seed) == (None, 43)


@pytest.mark.parametrize(
    ("entries", "line"),
    [
        ({"a": {"like": "simpel"}}, "a.like: found 'simpel', allowed: simple"),
        ({"a": {"like": "a"}}, "a.like: found 'a', allowed: simple"),
        ({"a": {"like": "b"}, "b": {"like": "a"}}, "b.like: found 'a', allowed: simple"),
        ({"a": {"like": ["simple"]}}, "a.like: found ['simple'], allowed: simple"),
        ({"a": {"like": "simple", "seed": -1}}, "a.seed: found -1, allowed: greater than or equal to 0"),
        ({"a": {"like": "simple", "model": "raw"}}, "a.units: unknown key, allowed: classes, model, seed"),
        ({"a": {"like": "simple", "classes": []}}, "a.classes: found [], allowed"),
        ({"a": {"like": "simple", "classes": [True]}}, "a.classes.0"),
        ({"a": {"model": "pca", "epochs": 3}}, "a.epochs: unknown key, allowed: classes, model, seed, units"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(tiny: Content, entries: Content, line: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"params.yaml: variants.{line}")):
        parse(given(tiny, **entries))


@pytest.mark.parametrize("seeds", [{}, {"seed": 42}])
def test_the_same_result_does_not_count_twice(tiny: Content, seeds: Content) -> None:
    line = (
        "variants.a: found what simple is, with the same seed, 42, allowed: another seed: a: {like: simple, seed: 43}"
    )
    with pytest.raises(UserError, match=re.escape(line)):
        parse(given(tiny, a={"like": "simple", **seeds}))


def test_variants_that_differ_in_the_seed_alone_are_one(tiny: Content) -> None:
    entries = {
        "simple_2": {"like": "simple", "seed": 43},
        "wide": {"like": "simple", "units": [64]},
        "plain": dict(tiny["variants"]["simple"], seed=1),
        "threes": {"like": "simple", "classes": [3]},
    }
    p = parse(given(tiny, **entries))
    assert replicates(p.variants) == {
        "simple": ("simple", "simple_2", "plain"),
        "wide": ("wide",),
        "threes": ("threes",),
    }


def test_a_seed_is_for_training_alone_and_classes_for_what_is_learnt(tiny: Content) -> None:
    p = parse(given(tiny, a={"like": "simple", "seed": 43, "classes": [3, "5"]}))
    found = {stage: parameters for stage, name, parameters in parameters_by_stage(p) if name == "a"}
    train, extract, evaluate = (found[stage] for stage in ("train", "extract", "evaluate"))
    assert isinstance(train, ForTrain)
    assert (train.seed, train.variant.learning.classes) == (43, (3, "5"))
    assert isinstance(extract, ForExtract)
    assert (extract.seed, extract.classes) == (42, (3, "5"))
    assert isinstance(evaluate, ForEvaluate)
    assert evaluate.classes == (3, "5")
