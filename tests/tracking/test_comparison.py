"""`latentlab runs` and the registry: which runs stand beside which, and which is the best."""

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from latentlab.cli import app
from latentlab.errors import UserError
from latentlab.tables import columns, table
from latentlab.tracking import comparison as runs
from latentlab.tracking.bring import bring
from latentlab.tracking.comparison import WHOLE
from latentlab.tracking.glance import KEY, KEYS, SUPERSEDED
from latentlab.tracking.models import ToServe, put_model
from latentlab.tracking.registry import register_best
from latentlab.tracking.revisions import Found, checked_names
from latentlab.tracking.run import Run
from latentlab.tracking.store import Store
from tests.conftest import ROOT, git


def add(
    store: Store,
    key: str,
    bce: float,
    name: str = "simple",
    study: str = "quick",
    validation_bce: float | None = None,
    **params: object,
) -> Run:
    run = Run.begin(store, study, name, key)
    run.set_params({"seed": 1, "epochs": 5, "model": name} | params)
    run.set_tags({"latentlab.study": study, "latentlab.code": "0"})
    run.set_metrics({"test/bce": bce, "training/epochs": 5, "validation_loss": bce})
    run.set_metrics({"training/validation_bce": bce if validation_bce is None else validation_bce})
    run.set_status("FINISHED")
    return run


@pytest.fixture(autouse=True)
def study_in_params(store: Store) -> None:
    Path("params.yaml").write_text(git("-C", str(ROOT), "show", ":params.yaml"))


def show(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["runs", *arguments], catch_exceptions=True)


def lines(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]


def test_runs_that_differ_only_in_the_seed_are_one_row(store: Store) -> None:
    for seed, bce in enumerate([0.1, 0.2, 0.3]):
        add(store, f"s{seed}", bce, seed=seed)
    add(store, "v", 0.15, name="vae")
    head, _, first, second = lines(show("--markdown").output)
    assert head[:4] == ["run", "seeds", "parameters", "epochs"]
    assert (first[:2], second[:2]) == (["vae", "1"], ["simple", "3"])
    column = head.index("test BCE ↓")
    assert (first[column], second[column]) == ("**0.1500**", "0.2000 ± 0.1000")
    assert second[head.index("epochs")] == "5"


def test_variants_that_differ_only_in_the_seed_are_one_row_under_the_name_of_the_first(store: Store) -> None:
    for name, seed, bce in (("simple_10", 3, 0.3), ("simple", 1, 0.1), ("simple_2", 2, 0.2)):
        add(store, name, bce, name=name, seed=seed, model="dense")
    add(store, "again", 0.9, name="simplest", seed=3, model="dense")  # newer, in place of simple_10
    add(store, "v", 0.15, name="vae")
    head, _, *body = lines(show("--markdown").output)
    assert [row[:2] for row in body] == [["vae", "1"], ["simple", "3"]]
    assert body[1][head.index("test BCE ↓")] == "0.4000 ± 0.4359"


def test_other_parameters_code_and_studies_are_rows_that_say_so(store: Store) -> None:
    add(store, "a", 0.1)
    add(store, "b", 0.2, epochs=6)
    add(store, "c", 0.3, study="other")
    add(store, "d", 0.4, study="other").set_tags({"latentlab.code": "123456789"})
    head, _, *body = lines(show("--markdown", "--study", "quick", "--study", "other").output)
    assert head[:2] == ["run", "study"]
    assert lines(show("--markdown", "simple").output)[2:] == body
    assert [row[:2] for row in body] == [
        ["simple (epochs=5)", "quick"],
        ["simple (epochs=6)", "quick"],
        ["simple (source 0)", "other"],
        ["simple (source 1234567)", "other"],
    ]
    assert [row[0] for row in lines(show("--markdown").output)[2:]] == [
        "simple (epochs=5)",
        "simple (epochs=6)",
    ]


def test_runs_are_chosen_by_name_and_by_id(store: Store) -> None:
    chosen = add(store, "a", 0.1)
    add(store, "b", 0.2, name="vae")
    add(store, "c", 0.3, name="deep")
    body = lines(show("--markdown", chosen.id, "vae").output)[2:]
    assert [row[0] for row in body] == ["simple", "vae"]


def test_sorting_follows_what_is_better(store: Store) -> None:
    for key, ssim in [("a", 0.1), ("b", 0.9), ("c", 0.5)]:
        add(store, key, 0.1, name=key).set_metrics({"test/ssim": ssim})
    add(store, "d", 0.1, name="d")
    assert [row[0] for row in lines(show("--markdown", "--sort", "test/ssim").output)[2:]] == ["b", "c", "a", "d"]


def test_every_metric_for_spreadsheets(store: Store) -> None:
    for seed, bce in enumerate([0.125, 0.25]):
        add(store, f"s{seed}", bce, seed=seed)
    (row,) = csv.DictReader(io.StringIO(show("--csv").output))
    assert (row["study"], row["run"], row["seeds"]) == ("quick", "simple", "2")
    assert float(row["test/bce"]) == 0.1875
    assert float(row["test/bce std"]) == pytest.approx(0.0883883)
    assert float(row["validation_loss"]) == 0.1875


def test_the_terminal_shows_the_same(store: Store) -> None:
    add(store, "a", 0.1)
    add(store, "b", 0.2, name="vae")
    shown = show()
    assert shown.exit_code == 0
    assert re.search(r"simple.*0\.1000", shown.output)
    assert "runs by test/bce" in shown.output


def test_unfinished_runs_are_left_out(store: Store) -> None:
    Run.begin(store, "quick", "simple", "a")
    with pytest.raises(UserError, match=r"has no finished run of quick; `latentlab track` adds them"):
        runs.find(["quick"], [])


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--sort", "speed"], "metric: found 'speed', allowed: anomaly/auroc, "),
        (["--csv", "--markdown"], "--csv and --markdown: found both"),
        (["--study", "none"], "--study: found no 'none' in sqlite:"),
        (["none"], "runs: found no 'none', allowed: an id, or one of simple"),
    ],
)
def test_a_slip_is_one_line(store: Store, arguments: list[str], fault: str) -> None:
    add(store, "a", 0.1)
    raised = show(*arguments).exception
    assert isinstance(raised, UserError)
    assert str(raised).startswith(fault)
    assert "\n" not in str(raised)


def test_metrics_say_what_is_better() -> None:
    assert columns.better("training/validation_bce") == "↓"
    assert (columns.better("test/bce"), columns.better("vae/elbo"), columns.better("loss")) == ("↓", "↑", "↓")


def test_committed_metrics_have_one_name_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    metrics = table.read(["vae"])["vae"]
    flat = columns.by_tracked_name(metrics)
    assert len(flat) == sum(len(group) for group in metrics.values()) - 1  # `numerics` is a tag
    assert flat["test/bce"] == metrics["reconstruction"]["bce"]


def with_models(run: Run, folder: Path, name: str) -> Run:
    for role in ("encoder", "decoder"):
        file = folder / f"{role}.keras"
        file.write_bytes(b"weights")
        put_model(run, ToServe(f"{name}-{role}", file, run.id, np.zeros((1, 4), np.float32), (4,)))
    return run


def test_the_best_model_of_a_study_gets_the_alias(store: Store, tmp_path: Path) -> None:
    with_models(add(store, "a", 0.2), tmp_path, "simple")
    assert register_best("quick", "validation_bce").splitlines() == [
        "models:/quick-decoder@best is version 1, from run simple",
        "models:/quick-encoder@best is version 1, from run simple",
    ]
    assert register_best("quick", "training/validation_bce") == (
        "simple is registered as the best by training/validation_bce already"
    )
    with_models(add(store, "b", 0.1, name="vae"), tmp_path, "vae")
    assert "models:/quick-encoder@best is version 2, from run vae" in register_best("quick", "validation_bce")
    version = store.client.get_model_version_by_alias("quick-encoder", "best")
    assert version.version in ("2", 2)
    with pytest.raises(UserError, match="no finished run of study other with the metric training/validation_bce"):
        register_best("other", "validation_bce")


def test_the_best_is_chosen_on_validation_by_the_epoch_that_was_kept(store: Store, tmp_path: Path) -> None:
    with_models(add(store, "a", bce=0.1, validation_bce=0.2), tmp_path, "simple")
    vae = with_models(add(store, "b", bce=0.2, validation_bce=0.1, name="vae"), tmp_path, "vae")
    vae.set_curves({"epoch": [1, 2], "validation_bce": [0.1, 0.9]})  # its last epoch, which is another one
    assert "from run vae" in register_best("quick", "validation_bce")


@pytest.mark.parametrize("metric", ["test/bce", "test/ssim", "latent/knn_accuracy", "tsne/trustworthiness", "vae/elbo"])
def test_no_model_is_chosen_on_the_test_split(metric: str) -> None:
    raised = CliRunner().invoke(app, ["track", "--register", metric]).exception
    assert isinstance(raised, UserError)
    assert str(raised) == (
        f"--register: found '{metric}', which is measured on the test split, and that is for the model once it is "
        "chosen; allowed: validation_bce"
    )
    assert isinstance(columns.better(metric), str)


def test_every_group_of_metrics_but_that_of_the_training_is_measured_on_the_test_split(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    flat = columns.by_tracked_name(table.read(["vae"])["vae"])
    for metric in flat.keys() - {"training/validation_bce"}:
        reason = "" if metric.startswith("training/") else ", which is measured on the test split"
        with pytest.raises(UserError, match=f"^--register: found '{metric}'{reason}"):
            columns.for_selection(metric)


@pytest.mark.parametrize("metric", ["loss", "bce", "validation_loss", "training/validation_loss", "speed", ""])
def test_nor_by_what_is_no_measure_of_all_variants(metric: str) -> None:
    with pytest.raises(UserError, match=f"^--register: found '{metric}', allowed: validation_bce$"):
        columns.for_selection(metric)


def test_the_old_name_says_the_new_one_and_does_the_same(store: Store) -> None:
    add(store, "a", 0.1)
    add(store, "b", 0.2, name="vae")
    old = CliRunner().invoke(app, ["compare", "--markdown", "--runs", "vae"])
    assert old.stderr == "`latentlab compare` is now `latentlab runs`\n"
    assert old.stdout == show("--markdown", "vae").stdout
    assert "compare" not in CliRunner().invoke(app, ["--help"]).stdout


def test_runs_on_other_data_are_no_seeds_of_each_other(store: Store) -> None:
    for seed, (data, bce) in enumerate([("aaaaaaaaa", 0.1), ("aaaaaaaaa", 0.3), ("bbbbbbbbb", 0.5)]):
        add(store, f"s{seed}", bce, seed=seed).set_tags({"dataset.sha256": data})
    body = lines(show("--markdown").output)[2:]
    assert [row[:2] for row in body] == [["simple (data aaaaaaa)", "2"], ["simple (data bbbbbbb)", "1"]]


def of_an_older_version(run: Run) -> Run:
    run.drop_tag(KEYS)
    return run


def test_superseded_runs_are_left_out_unless_asked_for(store: Store) -> None:
    add(store, "new", 0.2)
    add(store, "old", 0.1, epochs=9).set_tags({SUPERSEDED: "yes"})
    assert [row[0] for row in lines(show("--markdown").output)[2:]] == ["simple"]
    names = [row[0] for row in lines(show("--markdown", "--superseded").output)[2:]]
    assert names == ["simple (epochs=9)", "simple (epochs=5)"]
    add(store, "other", 0.1, study="gone").set_tags({SUPERSEDED: "yes"})
    with pytest.raises(UserError, match="no finished run"):
        runs.find(["gone"], [])


def test_runs_with_keys_of_an_older_version_are_marked_once(store: Store) -> None:
    of_an_older_version(add(store, "old", 0.1))
    add(store, "new", 0.2)

    class Found:
        """A result that the store has."""

        study, key = "quick", "new"

        def is_complete_in(self, *_: object) -> bool:
            return True

    summary = bring([Found()], store.place, [])  # type: ignore[list-item]
    assert (summary.superseded, summary.complete) == (1, 1)
    assert str(summary).endswith("; 1 of an older version are marked as superseded")
    marked = {run.data.tags[KEY]: SUPERSEDED in run.data.tags for run in store.runs("quick", WHOLE)}
    assert marked == {"old": True, "new": False}
    before = store.place.database.read_bytes() if store.place.database else b""
    assert str(bring([Found()], store.place, [])).startswith("nothing to do")  # type: ignore[list-item]
    assert store.place.database
    assert store.place.database.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        {"study": "../../etc", "variants": {"a": 1}},
        {"study": "quick", "variants": {"../a": 1}},
        {"study": "quick", "variants": {5: 1}},
        {"study": None},
        {},
    ],
)
def test_names_of_other_revisions_are_looked_at_before_they_become_paths(content: dict[str, object]) -> None:
    with pytest.raises(UserError, match=r"^abc:params\.yaml: found the name .*, allowed: a-z, 0-9 and _"):
        checked_names(content, Found("abc", Path()))
    good = {"study": "quick", "variants": {"a": {}}}
    assert checked_names(good, Found("abc", Path())) == ("quick", ["a"])
    assert checked_names(good, Found("abc", Path("studies/quick"))) == ("quick", ["a"])
    with pytest.raises(UserError, match=r"^abc:studies/copy/params\.yaml: study: found 'quick', allowed: 'copy'"):
        checked_names(good, Found("abc", Path("studies/copy")))
