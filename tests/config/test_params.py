"""params.yaml: what is wrong is named by its key, with what was found and what is allowed."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from latentlab.config import params, plugins
from latentlab.errors import UserError
from tests.conftest import ROOT, committed_params

DATASETS, MODELS = (", ".join(plugins.available(room)) for room in ("datasets", "models"))

WRONG: list[tuple[str, Any, str]] = [
    (
        "sed",
        1,
        "sed: unknown key, allowed: classifier, evaluate, extract, numerics, precision, prepare, seed, study, threads, "
        "tsne, variants",
    ),
    ("seed", -1, "seed: found -1, allowed: greater than or equal to 0"),
    ("seed", 2**31, "seed: found 2147483648, allowed: less than 2147483648"),
    ("seed", "42", "seed: found '42', allowed: a valid integer"),
    ("seed", True, "seed: found True, allowed: a valid integer"),
    ("threads", 0, "threads: found 0, allowed: greater than or equal to 1"),
    ("study", "My study", "study: found 'My study', allowed: a-z, 0-9 and _"),
    ("study", "../up", "study: found '../up', allowed"),
    ("prepare.dataset", "minst", f"prepare.dataset: found 'minst', allowed: {DATASETS}"),
    ("prepare.images", 0, "prepare.images: found 0, allowed: greater than or equal to 1"),
    ("prepare.validation", 0.0, "prepare.validation: found 0.0, allowed: greater than 0"),
    ("prepare.test", 1.5, "prepare.test: found 1.5, allowed: less than 1"),
    ("prepare.test", 0.9, "prepare.validation + prepare.test: found 1, allowed: less than 1"),
    ("prepare.test", float("nan"), "prepare.test: found nan, allowed: a finite number"),
    ("prepare.folds", 3, "prepare.folds: unknown key, allowed: dataset, images, test, validation"),
    ("extract.splits", ["train"], "extract.splits: found ['train'], allowed: train and test"),
    ("extract.splits", ["train", "tset"], "extract.splits.1: found 'tset', allowed: 'train', 'validation' or 'test'"),
    ("tsne.perplexity", 0, "tsne.perplexity: found 0, allowed: greater than 0"),
    ("tsne.perplexity", 1000, "tsne.perplexity: found 1000, allowed: less than the 1000 points"),
    ("tsne.points", 1, "tsne.points: found 1, allowed: greater than or equal to 2"),
    ("tsne.method", "umap", "tsne.method: found 'umap', allowed: 'auto', 'sklearn' or 'opentsne'"),
    ("tsne.splits", [], "tsne.splits: found [], allowed"),
    ("tsne.splits", ["tset"], "tsne.splits.0: found 'tset', allowed: 'train', 'validation' or 'test'"),
    ("tsne.splits", ["test", "test"], "tsne.splits: found ['test', 'test'], allowed: each split once"),
    (
        "tsne.splits",
        ["validation"],
        "tsne.splits: found 'validation', allowed: those of extract.splits, which are train, test",
    ),
    ("evaluate.neighbours", 0, "evaluate.neighbours: found 0, allowed: greater than or equal to 1"),
    ("variants", {}, "variants: found {}, allowed: one entry or more"),
    ("variants", ["simple"], "variants: found ['simple'], allowed: one entry or more"),
    ("variants.Simple", {"model": "dense"}, "variants: found the name 'Simple', allowed: a-z, 0-9 and _"),
    ("variants.prepare", {"model": "dense"}, "variants: found the name 'prepare', allowed: any but prepare, compare"),
    ("variants.simple", "dense", "variants.simple: found 'dense', allowed: keys such as model"),
    ("variants.simple.model", "dens", f"variants.simple.model: found 'dens', allowed: {MODELS}"),
    ("variants.simple.model", None, f"variants.simple.model: found None, allowed: {MODELS}"),
    ("variants.simple.epochs", -1, "variants.simple.epochs: found -1, allowed: greater than or equal to 1"),
    ("variants.simple.epochs", 2.5, "variants.simple.epochs: found 2.5, allowed: a valid integer"),
    ("variants.simple.batch_size", 0, "variants.simple.batch_size: found 0, allowed: greater than or equal to 1"),
    ("variants.simple.optimizer", "sgd", "variants.simple.optimizer: found 'sgd', allowed: 'adam', 'rmsprop'"),
    ("variants.simple.learning_rate", "1e-3", "variants.simple.learning_rate: found '1e-3', allowed: a valid number"),
    ("variants.simple.noise", -0.5, "variants.simple.noise: found -0.5, allowed: greater than or equal to 0"),
    ("variants.simple.units", [], "variants.simple.units: found [], allowed"),
    ("variants.simple.units", [32, 0], "variants.simple.units.1: found 0, allowed: greater than or equal to 1"),
    ("variants.simple.filters", [32], "variants.simple.filters: unknown key, allowed: activity_l1, batch_norm"),
    ("a\nb", 1, "'a\\nb': unknown key, allowed: classifier"),
    ("variants.simple.a\nb", 1, "variants.simple.'a\\nb': unknown key, allowed: activity_l1"),
    ("variants.simple.keep", "first", "variants.simple.keep: found 'first', allowed: 'last' or 'best'"),
    ("numerics", "fast", "numerics: found 'fast', allowed: 'portable' or 'native'"),
    (
        "precision",
        "mixed_bfloat16",
        "precision: found 'mixed_bfloat16' with numerics: portable, allowed: 'float32', or numerics: native",
    ),
    ("precision", "float16", "precision: found 'float16', allowed: 'float32' or 'mixed_bfloat16'"),
    (
        "variants.simple.learning_rate_schedule",
        {"kind": "step"},
        "variants.simple.learning_rate_schedule.kind: found 'step', allowed: 'cosine', 'exponential' or 'plateau'",
    ),
    (
        "variants.simple.learning_rate_schedule",
        {"kind": "cosine", "gamma": 1},
        "variants.simple.learning_rate_schedule.gamma: unknown key, allowed: factor, kind, patience",
    ),
    (
        "variants.simple.early_stopping",
        {"patience": 0},
        "variants.simple.early_stopping.patience: found 0, allowed: greater than or equal to 1",
    ),
    ("variants.conv.batch_norm", 1, "variants.conv.batch_norm: found 1, allowed: a valid boolean"),
]


@pytest.mark.parametrize(("key", "value", "message"), WRONG, ids=[f"{key}={value}" for key, value, _ in WRONG])
def test_wrong_value_is_named(tiny: dict[str, Any], key: str, value: Any, message: str) -> None:
    block = tiny
    *parents, last = key.split(".")
    for parent in parents:
        block = block[parent]
    block[last] = value
    with pytest.raises(UserError) as raised:
        params.parse(tiny)
    assert str(raised.value).startswith(f"params.yaml: {message}")
    assert "\n" not in str(raised.value)


def test_missing_key_is_named(tiny: dict[str, Any]) -> None:
    del tiny["variants"]["deep"]["epochs"]
    with pytest.raises(UserError, match=r"variants\.deep\.epochs: missing"):
        params.parse(tiny)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "not valid YAML"),
        ("- a\n", "found no keys"),
        ("", "found no keys"),
        ("a: 1\na: 2\n", "not valid YAML"),
        ("a: 2026-13-01", "not valid YAML: month must be"),
        ("a: !!bool abc", "not valid YAML: KeyError: 'abc'"),
        ('a: !!int ""', "not valid YAML: IndexError: string index out of range"),
        (f"a: 0x{'f' * 5000}", r"not valid YAML: Exceeds the limit \(4300 digits\)"),
        (f"a: {'[' * 800}{']' * 800}", "not valid YAML: nested more than 50 levels deep"),
        ("a: &a [*a]", "variants: found {}"),
    ],
)
def test_what_is_no_parameter_file(project: Path, text: str, message: str) -> None:
    (project / "params.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        params.load()


def test_missing_file(project: Path) -> None:
    (project / "params.yaml").unlink()
    with pytest.raises(UserError, match=r"params\.yaml: no such file"):
        params.load()


@pytest.mark.parametrize("path", sorted((ROOT / "studies").glob("*/params.yaml")), ids=lambda path: path.parent.name)
def test_studies_are_valid_and_named_by_their_folder(path: Path) -> None:
    assert params.load(path).study == path.parent.name
    assert path.read_text().startswith("# ")


def test_the_committed_study_in_the_root_is_quick() -> None:
    assert committed_params().study == "quick"


def test_parameters_are_frozen_and_carry_defaults(tiny: dict[str, Any]) -> None:
    variant = params.parse(tiny).variant("sparse")
    assert variant.settings() == {
        "model": "dense",
        "units": [32],
        "batch_norm": False,
        "bias": True,
        "epochs": 2,
        "batch_size": 32,
        "optimizer": "adam",
        "noise": 0.0,
        "activity_l1": 1e-4,
        "keep": "last",
    }
    with pytest.raises(ValidationError):
        variant.training.epochs = 3


def test_unknown_variant_lists_the_known(tiny: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="found no 'simpel', allowed: simple, sparse"):
        params.parse(tiny).variant("simpel")


def test_a_stage_tells_in_one_line_and_touches_nothing(
    project: Path, tiny: dict[str, Any], write_params: Callable[[dict[str, Any]], None]
) -> None:
    tiny["variants"]["lstm"]["epochs"] = -1
    write_params(tiny)
    before = sorted(project.rglob("*"))
    done = subprocess.run([sys.executable, "-m", "latentlab.stages.plan"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == ("error: params.yaml: variants.lstm.epochs: found -1, allowed: greater than or equal to 1\n")
    assert sorted(project.rglob("*")) == before


def test_parameters_are_read_without_tensorflow() -> None:
    code = "import sys; from latentlab.config import params; params.load(); "
    code += "print({'tensorflow', 'keras'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
