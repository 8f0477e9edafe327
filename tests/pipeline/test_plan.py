"""Plans: all that a stage uses and nothing else, written where they differ, read as they were written."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from latentlab.config import params, paths
from latentlab.config.stages import (
    EACH_VARIANT,
    ForExtract,
    ForPrepare,
    ForTrain,
    name_of,
    parameters_by_stage,
    plain,
    typed,
)
from latentlab.errors import UserError
from latentlab.pipeline import libraries
from latentlab.pipeline.lock import stages_in_lock
from latentlab.pipeline.plan import Plan, check_unchanged, make_plans, read_parameters, write_plans
from latentlab.stages import plan
from tests.conftest import git

Write = Callable[[dict[str, Any]], None]


def contents() -> dict[str, str]:
    return {path.stem: path.read_text() for path in paths.PLANS.iterdir()}


def changed(write_params: Write, before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Stages whose plan an edit of the parameters changes."""
    write_params(before)
    plan.main()
    old = contents()
    write_params(after)
    plan.main()
    new = contents()
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


def edited(tiny: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(tiny))
    block = copy
    *parts, last = key.split(".")
    for part in parts:
        block = block[part]
    block[last] = value
    return copy


VARIANTS = ("simple", "vae")


def each(*stages: str) -> set[str]:
    return {f"{stage}@{variant}" for stage in stages for variant in VARIANTS}


@pytest.fixture
def two(tiny: dict[str, Any]) -> dict[str, Any]:
    """The tiny study with two variants."""
    return tiny | {"numerics": "native", "variants": {name: tiny["variants"][name] for name in VARIANTS}}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("seed", 7, {"prepare", "classifier", "references", "compare", "report"} | each(*EACH_VARIANT)),
        ("threads", 2, {"classifier", "references", "report"} | each("train", "extract", "evaluate", "plot")),
        (
            "numerics",
            "portable",
            {"prepare", "classifier", "references", "compare", "report", "track"} | each(*EACH_VARIANT),
        ),
        ("precision", "mixed_bfloat16", each("train")),
        ("prepare.images", 200, {"prepare"}),
        ("classifier", {"epochs": 2}, {"classifier"}),
        ("extract.splits", ["train", "validation", "test"], each("extract")),
        ("extract.noise_levels", [0.5], {"references", "compare", "report"} | each("extract", "evaluate", "plot")),
        ("extract.uses_images", 30, {"references", "compare", "report"} | each("extract")),
        ("tsne.perplexity", 9, each("tsne")),
        ("tsne.method", "opentsne", each("tsne")),
        ("tsne.splits", ["test", "train"], each("tsne")),
        ("evaluate.neighbours", 4, each("evaluate")),
        ("variants.simple.epochs", 3, {"train@simple"}),
        ("variants.simple.noise", 0.25, {"train@simple", "extract@simple"}),
        ("variants.vae.latent_dim", 3, {"train@vae"}),
        ("variants.vae.early_stopping", {"patience": 2}, {"train@vae"}),
        ("study", "other", {"compare", "report", "track"}),
    ],
)
def test_a_parameter_reaches_the_stages_that_use_it(
    two: dict[str, Any], write_params: Write, key: str, value: Any, expected: set[str]
) -> None:
    assert changed(write_params, two, edited(two, key, value)) == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("variants.simple.noise", 0.0),
        ("variants.simple.learning_rate", None),
        ("variants.simple.early_stopping", None),
        ("variants.vae.keep", "best"),
        ("prepare.images", 300),
        ("classifier", {"batch_size": 64}),
        ("tsne.method", "auto"),
        ("tsne.splits", None),
        ("evaluate.train_images", 60_000),
    ],
)
def test_what_is_so_already_changes_nothing(two: dict[str, Any], write_params: Write, key: str, value: Any) -> None:
    assert changed(write_params, two, edited(two, key, value)) == set()


def test_a_variant_that_is_gone_leaves_no_plan(two: dict[str, Any], write_params: Write) -> None:
    alone = two | {"variants": {"vae": two["variants"]["vae"]}}
    of_simple = {name_of(stage, "simple") for stage in ("train", "extract", "tsne", "evaluate", "plot")}
    assert changed(write_params, two, alone) == of_simple | {"compare", "report", "track"}
    assert not of_simple & contents().keys()


def test_the_first_time_is_one_line_and_a_new_variant_a_line_a_stage(
    two: dict[str, Any], write_params: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write_params(two)
    plan.main()
    assert capsys.readouterr().out == "  all stages: new\n"
    write_params(edited(two, "variants.other", two["variants"]["simple"] | {"epochs": 7}))
    plan.main()
    lines = capsys.readouterr().out.splitlines()
    assert "  train@other: new" in lines
    assert len(lines) == 5 + 3  # compare, report and track know of one more


def test_a_second_time_writes_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan.main()
    before = {path: path.stat().st_mtime_ns for path in paths.PLANS.iterdir()}
    capsys.readouterr()
    assert plan.main() == "plan: 61 stages of 11 variants, nothing changed"
    assert capsys.readouterr().out == ""
    assert {path: path.stat().st_mtime_ns for path in paths.PLANS.iterdir()} == before


def test_what_changed_is_said(two: dict[str, Any], write_params: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write_params(two)
    plan.main()
    capsys.readouterr()
    write_params(edited(edited(two, "variants.simple.epochs", 80), "variants.simple.learning_rate", 0.01))
    path = paths.plan("plot@vae")
    path.write_text(path.read_text().replace('figures/losses.py": "', 'figures/losses.py": "0'))
    path = paths.plan("tsne@vae")
    path.write_text(path.read_text().replace('"scipy": "', '"scipy": "0.'))
    plan.main()
    version = libraries.libraries_of("tsne")["scipy"]
    assert capsys.readouterr().out.splitlines() == [
        "  train@simple: epochs 2 -> 80, learning_rate none -> 0.01",
        f"  tsne@vae: scipy 0.{version} -> {version}",
        "  plot@vae: figures/losses.py",
    ]


def test_a_slip_leaves_the_plans_as_they_were(two: dict[str, Any], write_params: Write) -> None:
    write_params(two)
    plan.main()
    before = contents()
    write_params(edited(edited(two, "seed", 7), "variants.vae.epochs", -1))
    with pytest.raises(UserError, match=r"^params\.yaml: variants\.vae\.epochs: found -1"):
        plan.main()
    assert contents() == before


def test_a_damaged_plan_is_named_and_made_anew(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan.main()
    whole = contents()
    for text in ("", "{", "[1]", '{"parameters": {}}'):
        paths.plan("tsne@vae").write_text(text)
        with pytest.raises(
            UserError, match=r"plan/tsne@vae\.json: damaged; `python -m latentlab\.stages\.plan` makes it"
        ):
            check_unchanged("tsne", "vae")
        plan.main()
        assert contents() == whole
    with pytest.raises(
        UserError, match=r"^plan/tsne@none\.json: no such file; `python -m latentlab\.stages\.plan` makes"
    ):
        check_unchanged("tsne", "none")


def test_parameters_come_back_as_they_were(tiny: dict[str, Any], write_params: Write) -> None:
    tiny["tsne"] |= {"method": "sklearn", "splits": ["test", "train"]}
    tiny["variants"]["vae"] |= {"learning_rate": 0.00012345678, "learning_rate_schedule": {"kind": "plateau"}}
    write_params(tiny)
    plan.main()
    p = params.load()
    for stage, variant, parameters in parameters_by_stage(p):
        kind = type(parameters)
        assert kind.stage == stage
        assert read_parameters(kind, variant) == parameters
        assert typed(kind, json.loads(json.dumps(plain(parameters))), variant) == parameters
    assert read_parameters(ForTrain, "vae").variant == p.variants["vae"]
    assert read_parameters(ForPrepare).prepare == p.prepare
    assert read_parameters(ForExtract, "denoise").noise == 0.5


def test_code_and_libraries_that_changed_since_are_named(project: Path) -> None:
    plan.main()
    check_unchanged("plot", "vae")
    made = make_plans(params.load())["plot@vae"]
    other = {**made.code, "src/latentlab/figures/losses.py": "0", "src/latentlab/figures/gone.py": "1"}
    write_plans({"plot@vae": Plan(made.parameters, other, made.libraries)})
    with pytest.raises(
        UserError, match=r"^src/latentlab/figures/losses\.py and 1 more changed since `plan`; run again$"
    ):
        check_unchanged("plot", "vae")
    write_plans({"plot@vae": Plan(made.parameters, made.code, {**made.libraries, "matplotlib": "1.0"})})
    with pytest.raises(UserError, match=r"^matplotlib changed since `plan`; run again$"):
        check_unchanged("plot", "vae")


def test_a_library_that_is_not_as_locked_is_a_warning(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    version = libraries.libraries_of("plot")["matplotlib"]
    Path("requirements.lock").write_text("matplotlib==1.0 \\\n    --hash=x\nscikit_learn==0 ; python_version < '3'\n")
    plan.main()
    line = f"warning: matplotlib {version}, where requirements.lock has 1.0\n"
    assert capsys.readouterr().err == line
    Path("requirements.lock").write_text(f"matplotlib=={version} \\\n    --hash=x\n")
    plan.main()
    assert capsys.readouterr().err == ""


def test_a_new_version_of_a_drawing_library_retrains_nothing() -> None:
    for drawing in ("matplotlib", "pillow", "scikit-image"):
        users = {stage for stage, names in libraries.LIBRARIES.items() if drawing in names}
        assert not users & {"train", "extract", "tsne"}


def test_what_no_stage_has_made_is_never_removed(two: dict[str, Any], write_params: Write) -> None:
    write_params(two)
    git("init", "-q")
    Path("models").mkdir()
    Path("models/notes.txt").write_text("mine")
    git("add", ".")
    git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "notes")
    plan.main()
    assert Path("models/notes.txt").read_text() == "mine"


def test_leftovers_that_are_kept_nowhere_stay_and_are_named(
    two: dict[str, Any], write_params: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write_params(two)
    places = [
        paths.encoder("old"),
        paths.latents("old"),
        paths.metrics("old"),
        paths.METRICS / "quick/vae.json",  # of the layout of before studies had folders
        paths.plots("old") / "a.png",
        paths.PLOTS / "quick/compare/a.png",
    ]
    others = [
        paths.encoder("vae"),
        paths.METRICS / "README.md",
        paths.comparison() / "a.png",
        paths.contact_sheet(),
    ]
    for path in places + others:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    plan.main()
    assert all(path.exists() for path in places + others)
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(": of no variant")[0] for line in lines] == [
        "warning: models/old",
        "warning: data/latents/old.pkl",
        "warning: metrics/old.json",
        "warning: metrics/quick",
        "warning: plots/old",
        "warning: plots/quick",
    ]


def test_results_of_the_former_layout_go_if_git_has_them(two: dict[str, Any], write_params: Write) -> None:
    write_params(two)
    git("init", "-q")
    places = [paths.METRICS / "quick/vae.json", paths.PLOTS / "quick/compare/a.png"]
    for path in [*places, paths.PLOTS / "mine/a.png"]:
        path.parent.mkdir(parents=True)
        path.write_text("x")
    git("add", ".")
    git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "before")
    places[1].write_text("another")
    plan.main()
    assert not (paths.METRICS / "quick").exists()
    assert places[1].exists()  # not as it was committed
    git("checkout", "--", str(places[1]))
    plan.main()
    assert not (paths.PLOTS / "quick").exists()
    assert (paths.PLOTS / "mine/a.png").exists()


def test_the_folder_for_own_images_is_made_and_never_changed(project: Path) -> None:
    plan.main()
    (made,) = paths.RAW.iterdir()
    assert "prepare.path" in made.read_text()
    made.unlink()
    plan.main()
    assert list(paths.RAW.iterdir()) == []
    paths.RAW.rmdir()
    paths.RAW.write_text("a file")
    with pytest.raises(UserError, match=r"^data/raw/README\.md: cannot be written"):
        plan.main()


def test_a_study_of_another_name_than_its_folder_stops_before_anything_is_written(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".dvc").mkdir()
    folder = project / "studies/other"
    folder.mkdir(parents=True)
    shutil.copy(project / "params.yaml", folder)
    monkeypatch.chdir(folder)
    with pytest.raises(
        UserError, match=r"^params\.yaml: study: found 'tiny', allowed: 'other', the name of its folder$"
    ):
        plan.main()
    assert [path.name for path in folder.iterdir()] == ["params.yaml"]


def test_an_entry_of_a_stage_that_the_pipeline_has_no_more_goes(project: Path) -> None:
    entry = {"cmd": "true"}
    names = ["check", "train@simple", "mine"]  # the last one is a stage of the user's own
    paths.LOCK.write_text(json.dumps({"schema": "2.0", "stages": dict.fromkeys(names, entry)}))
    plan.main()
    assert list(stages_in_lock()) == ["train@simple", "mine"]
