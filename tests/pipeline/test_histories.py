"""Histories: whatever is run, killed, edited and deleted in a project in any order, what is recorded is true and whole.

A state machine of hypothesis draws the steps; 200 with stand-ins for all that computes, and 20 with TensorFlow. More by
hand, some hours long:

    LATENTLAB_STEPS=2000 LATENTLAB_TENSORFLOW_STEPS=100 pytest -n0 -s tests/pipeline/test_histories.py

They are others each time; `--hypothesis-seed=1` gives the same ones again, and lets several processes share the work.
A failure tells the steps that led to it; LATENTLAB_KEEP=folder keeps the project as it was then. How far a killed
command had come depends on the machine, so a failure need not come again, and there is no use in trying shorter ones.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from ruamel.yaml import YAML

from latentlab.config import paths
from latentlab.config.stages import EACH_VARIANT
from latentlab.errors import UserError
from latentlab.pipeline.code import file_fingerprint
from latentlab.pipeline.hashes import md5
from latentlab.pipeline.inputs import recorded
from latentlab.pipeline.lock import hashes, stages_in_lock
from latentlab.storage.json import read_json
from latentlab.storage.pickle import read_pickle
from tests.clones import STUDY, put_standins
from tests.conftest import ROOT, commit, make_clone
from tests.forks import LIBRARIES, TENSORFLOW, forking

pytestmark = pytest.mark.slow

COUNT = "LATENTLAB_STEPS"
EACH_HISTORY = 50  # steps of a history; the next one begins with a new clone
PARAMETERS: dict[str, Sequence[Any]] = {
    "seed": (1, 2),
    "epochs": (1, 2, 3),
    "size": (2, 3),
    "perplexity": (5, 6),
    "neighbours": (3, 4),
    "second": (False, True),  # whether there is a second variant
}
# where the code of each stage has a number
CODE = {"train": "models/standin", "extract": "stages/extract", "tsne": "stages/tsne", "evaluate": "metrics/level"}
NOTED = {"train": paths.training, "extract": paths.latents, "tsne": paths.embedding}
TEMPORARY = re.compile(r"\..*\.[a-z0-9_]{8}(\.\w+)?")  # what storage/replacing.py makes
PATIENCE = 300  # seconds for a command, on a slow machine that does other things, too


@dataclass(frozen=True)
class Disturbance:
    """What happens while a command runs: after some seconds, or so long after so many stages have been at work."""

    kind: str  # group, worker, limit, parameter or code
    moment: float = 0.0
    name: str = ""
    value: Any = None


@dataclass(frozen=True)
class Entry:
    """A stage in dvc.lock: what its plan says, the number in its code, MD5 of what it has read and written by path."""

    stage: str
    variant: str
    parameters: dict[str, Any]
    level: int
    dependencies: dict[str, str]
    outputs: dict[str, str]


moments = st.integers(0, 3000).map(lambda milliseconds: milliseconds / 1000)
edits = st.sampled_from([(name, value) for name, values in PARAMETERS.items() for value in values])
levels = st.tuples(st.sampled_from(sorted(CODE)), st.integers(1, 3))
kills = st.builds(Disturbance, st.just("group"), moments)
# a limit on the size of files, in 512 bytes, which anybody may set: programs see of it what they see of a full disk
limits = st.builds(Disturbance, st.just("limit"), value=st.sampled_from([0, 70, 150, 150, 200, 2000]))
brief = st.none() | kills | limits
disturbances = st.one_of(
    st.none(),
    st.none(),
    kills,
    st.builds(Disturbance, st.just("worker"), st.sampled_from([0.02, 0.05, 0.1, 0.2]), value=st.integers(0, 9)),
    limits,
    st.builds(lambda moment, edit: Disturbance("parameter", moment, *edit), moments, edits),
    st.builds(lambda moment, edit: Disturbance("code", moment, *edit), moments, levels),
)
kinds: dict[str, st.SearchStrategy[Any]] = {
    "comment": st.sampled_from(sorted(CODE)),
    "change": levels,
    "parameter": edits,
    "checkout": brief,
    "delete_database": st.sampled_from([True, True, True, False]),
    "track": brief,
    "reproduce": disturbances,
    "repro": disturbances,
}
OFTEN = ("change", "parameter", "reproduce", "reproduce", "repro", "repro", "track")
all_steps = st.one_of([st.tuples(st.just(name), kinds[name]) for name in (*kinds, *OFTEN)])


class Histories(RuleBasedStateMachine):
    """A clone, and all that may be done to it."""

    code: ClassVar[dict[str, str]] = CODE
    study: ClassVar[str] = STUDY
    pace: ClassVar[int] = 1  # how much longer a run of the pipeline takes than with stand-ins
    template: ClassVar[Path]
    project: ClassVar[Path]
    variables: ClassVar[dict[str, str]]
    count: ClassVar[Counter[str]]
    fault: ClassVar[BaseException | None] = None  # the first one; hypothesis tries again, and it may not come again

    def __init__(self) -> None:
        super().__init__()
        shutil.rmtree(self.project, ignore_errors=True)
        shutil.copytree(self.template, self.project)
        os.chdir(self.project)
        self.log: list[str] = []
        self.parameters = {name: values[0] for name, values in PARAMETERS.items()}
        self.edits = 0
        self.levels: dict[tuple[str, str], int] = {}  # by file and fingerprint
        self.plans: dict[str, str] = {}  # texts by MD5
        self.whole: set[str] = set()  # variants whose results are whole since the last run of the pipeline
        self.cut_off = False  # whether files of DVC's may be damaged
        self.left: list[subprocess.Popen[str]] = []  # commands that were killed, while MLflow still gets their losses
        self._set_parameter("epochs", 2)
        for stage in self.code:
            self._write_level(stage, 1)

    def teardown(self) -> None:
        """Nothing that was started outlives the history."""
        self._wait_for_left()
        os.chdir(self.template)
        if kept := os.environ.get("LATENTLAB_KEEP"):
            (Path(kept) / f"{time.time():f}.log").write_text("\n".join(self.log))

    # steps

    @rule(step=all_steps)
    def step(self, step: tuple[str, Any]) -> None:
        """One of them. As one rule, since hypothesis leaves out most of several rules for a whole history."""
        name, value = step
        if self.fault:
            raise self.fault
        getattr(self, name)(value)

    def comment(self, stage: str) -> None:
        """Edit code without a change of what it does."""
        with self._step("comment", stage):
            self._write_level(stage, self._level(stage))

    def change(self, edit: tuple[str, int]) -> None:
        """Edit code so that a stage gives something else."""
        with self._step("code", *edit):
            self._write_level(*edit)

    def parameter(self, edit: tuple[str, Any]) -> None:
        """Edit params.yaml."""
        with self._step("parameter", *edit):
            self._set_parameter(*edit)

    def checkout(self, disturbance: Disturbance | None) -> None:
        """Let DVC bring what dvc.lock says."""
        with self._step("dvc checkout", disturbance):
            self._run(["dvc", "checkout"], disturbance)

    def delete_database(self, new: bool) -> None:
        """Delete MLflow's database. Making a new one takes seconds, so that one is mostly there at once."""
        with self._step("delete mlflow.db", f"new one: {new}"):
            self._wait_for_left()
            for path in self.project.glob("mlflow.db*"):
                path.unlink()
            if new:
                shutil.copy(self.template / "mlflow.db", self.project)

    def track(self, disturbance: Disturbance | None) -> None:
        """Fill MLflow from the files."""
        with self._step("latentlab track", disturbance):
            done, out = self._run(["latentlab", "track"], disturbance)
            if disturbance is None and set(self._variants()) <= self.whole:
                assert done == 0, out
            if done == 0:
                self._check_runs_of_results()

    def reproduce(self, disturbance: Disturbance | None) -> None:
        """Run the pipeline, stages side by side."""
        self._pipeline(["latentlab", "reproduce", "--jobs", "2", "--no-warm"], disturbance)

    def repro(self, disturbance: Disturbance | None) -> None:
        """Run the pipeline, stage after stage."""
        self._pipeline(["dvc", "repro"], disturbance)

    def _pipeline(self, command: list[str], disturbance: Disturbance | None) -> None:
        with self._step(" ".join(command), disturbance):
            before = self._outputs_in_place()
            self.whole = set()
            done, out = self._run(command, disturbance)
            kind = disturbance.kind if disturbance else ""
            if done and not kind and self.cut_off and command[0] == "dvc":  # which does not mend what it has damaged
                command = ["latentlab", "reproduce", "--no-warm"]
                done, out = self._run(command, None)
            if done and not kind and self.cut_off and "without it the run cache" in out:
                paths.LOCK.unlink()
                done, out = self._run(command, None)
            self.cut_off &= done != 0
            if not kind:
                assert done == 0, out
                self._check_plans_are_of_now()
            if done == 0:
                self._check_files_are_as_recorded()
                self.whole = set(self._variants())
            if done == 0 and not kind:
                self._check_nothing_temporary_is_left()
            if done and kind not in ("group", "limit"):
                now = self._recorded_outputs()
                lost = [path for path, value in before.items() if now.get(path) == value and not _is(path, value)]
                assert not lost, (lost, out)
            gone = [path for path, value in before.items() if not _is(path, value) and not _cached(value).exists()]
            assert not gone, (gone, out)

    # what steps are made of

    @contextlib.contextmanager
    def _step(self, *what: Any) -> Iterator[None]:
        """Note a step, then check what has to be so at any time."""
        start = time.perf_counter()
        self.log.append(" ".join(str(each) for each in what if each is not None))
        type(self).count[str(what[0])] += 1
        try:
            yield
            self._check_what_is_recorded_was_used()
            self._check_runs()
        except BaseException as error:
            error.add_note("\n".join(["the steps:", *self.log]))
            if kept := os.environ.get("LATENTLAB_KEEP"):
                shutil.copytree(self.project, Path(kept) / f"{time.time():f}", symlinks=True)
            type(self).fault = error
            raise
        self.log[-1] += f"  ({time.perf_counter() - start:.1f} s)"

    def _run(self, command: list[str], disturbance: Disturbance | None) -> tuple[int, str]:
        """The exit code of a command, and what it has printed."""
        kind = disturbance.kind if disturbance else ""
        limit = f"ulimit -S -f {disturbance.value} && " if disturbance and kind == "limit" else ""
        process = subprocess.Popen(
            ["sh", "-c", f'{limit}exec "$@"', "sh", *command],
            env=os.environ | self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        try:
            if disturbance:
                self._disturb(process, disturbance)
            out, err = process.communicate(timeout=0.3 if kind == "group" else PATIENCE)
        except subprocess.TimeoutExpired:
            if kind != "group":
                raise
            self.left.append(process)
            out = err = ""
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        printed = f"{command}, {process.returncode}\n{out}\n{err}"
        self.cut_off |= kind in ("group", "limit")
        self.log[-1] += f" -> {process.returncode} {err.strip()[-300:]}"
        assert "Traceback" not in printed, printed
        for path in paths.PLANS.glob("*.json"):
            text = path.read_text()
            self.plans[hashlib.md5(text.encode()).hexdigest()] = text
        return process.returncode, printed

    def _disturb(self, process: "subprocess.Popen[str]", disturbance: Disturbance) -> None:
        if disturbance.kind == "worker":
            seen: set[int] = set()
            while process.poll() is None:
                found = _workers(process.pid)
                seen.update(found)
                if found and len(seen) > disturbance.value:
                    time.sleep(disturbance.moment * self.pace)
                    if b"forks.py" in _command(found[-1]):  # else it was about to become another program
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(found[-1], signal.SIGKILL)
                    return
                time.sleep(0.02)
        elif disturbance.kind != "limit":
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(disturbance.moment * self.pace)
        if disturbance.kind == "group":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        elif disturbance.kind == "parameter":
            self._set_parameter(disturbance.name, disturbance.value)
        elif disturbance.kind == "code":
            self._write_level(disturbance.name, disturbance.value)

    def _wait_for_left(self) -> None:
        while self.left:
            _, err = self.left.pop().communicate(timeout=PATIENCE)
            assert "Traceback" not in err, err

    def _variants(self) -> list[str]:
        return ["one", "two"] if self.parameters["second"] else ["one"]

    def _set_parameter(self, name: str, value: Any) -> None:
        self.parameters[name] = value
        with Path("params.new").open("w") as file:
            YAML(typ="safe", pure=True).dump(self._study(), file)
        Path("params.new").replace("params.yaml")

    def _study(self) -> dict[str, Any]:
        """The content of params.yaml."""
        content: dict[str, Any] = YAML(typ="safe", pure=True).load(self.study)
        content["seed"] = self.parameters["seed"]
        content["tsne"]["perplexity"] = self.parameters["perplexity"]
        content["evaluate"]["neighbours"] = self.parameters["neighbours"]
        content["variants"] = {variant: self._variant(variant) for variant in self._variants()}
        return content

    def _variant(self, name: str) -> dict[str, Any]:
        about = {key: self.parameters[key] for key in ("epochs", "size")}
        # variants of equal parameters are one result under two names, with one run
        return {"model": "standin", "batch_size": 8 if name == "one" else 16, **about}

    def _source(self, stage: str) -> Path:
        return Path("src/latentlab") / f"{self.code[stage]}.py"

    def _level(self, stage: str) -> int:
        found = re.search(r"^LEVEL = (\d+)", self._source(stage).read_text(), re.MULTILINE)
        return int(found[1]) if found else 1

    def _write_level(self, stage: str, level: int) -> None:
        """Another number in the code of a stage.

        Each text has another length: Python takes compiled code for that of a file with its length and second.
        """
        self.edits += 1
        source = self._source(stage)
        text = re.sub(r"^\n?LEVEL = .*\n", "", source.read_text(), flags=re.MULTILINE)
        head, separator, rest = text.partition("\n\n\ndef ")
        line = f"\nLEVEL = {level}  # {'x' * self.edits}\n"
        new = source.with_suffix(".new")
        new.write_text(f"{head.rstrip()}\n{line}{separator}{rest}")
        new.replace(source)
        self.levels[stage, file_fingerprint(source)] = level

    # what is checked

    def _lock(self) -> dict[str, dict[str, Any]]:
        """What dvc.lock says: nothing where DVC, which writes it in place, was killed or met a full disk."""
        try:
            return stages_in_lock()
        except UserError:
            assert self.cut_off
            return {}

    def _recorded_outputs(self) -> dict[str, str]:
        """MD5 of each output by its path, as dvc.lock has it."""
        return {path: value for entry in self._lock().values() for path, value in hashes(entry, "outs").items()}

    def _outputs_in_place(self) -> dict[str, str]:
        """Those in place, but for what is in no cache: plans, which are no results, tables and the mark of `track`."""
        found = {path: value for path, value in self._recorded_outputs().items() if _is(path, value)}
        uncached = {str(path) for path in (paths.PLANS, paths.TABLES, paths.TRACKED)}
        return {path: value for path, value in found.items() if path not in uncached}

    def _check_plans_are_of_now(self) -> None:
        for variant in self._variants():
            plans = {stage: read_json(paths.plan(f"{stage}@{variant}")) for stage in self.code}
            train = plans["train"]["parameters"]
            assert train["seed"] == self.parameters["seed"]
            assert train["variant"].items() >= self._variant(variant).items()
            assert plans["tsne"]["parameters"]["tsne"]["perplexity"] == self.parameters["perplexity"]
            assert plans["evaluate"]["parameters"]["evaluate"]["neighbours"] == self.parameters["neighbours"]
            for stage, plan in plans.items():
                assert plan["code"][self._source(stage).as_posix()] == file_fingerprint(self._source(stage))
        assert {path.stem.partition("@")[2] for path in paths.PLANS.iterdir()} - {""} == set(self._variants())

    def _check_files_are_as_recorded(self) -> None:
        """After the pipeline went through, files are what dvc.lock says, and it has all stages and no others."""
        lock = self._lock()
        variants = {path.stem.partition("@")[2] for path in paths.PLANS.glob("train@*")}
        each = {f"{stage}@{variant}" for stage in EACH_VARIANT for variant in variants}
        assert lock.keys() - {"plan"} == {"prepare", "classifier", "references", "compare", "report", "track", *each}
        for name, entry in lock.items():
            for kind in ("deps", "outs"):
                wrong = [each["path"] for each in entry.get(kind, []) if not _is(each["path"], each["md5"])]
                assert not wrong, (name, kind, wrong)

    def _check_what_is_recorded_was_used(self) -> None:
        entries = list(self._lock().items())
        if self.cut_off:
            entries = entries[:-1]  # the last one may be there in part
        for name, entry in entries:
            stage, _, variant = name.partition("@")
            if stage in self.code:
                dependencies, outputs = (hashes(entry, group) for group in ("deps", "outs"))
                plan = json.loads(self.plans[dependencies[str(paths.plan(name))]])
                level = self.levels[stage, plan["code"][self._source(stage).as_posix()]]
                self._check_used(Entry(stage, variant, plan["parameters"], level, dependencies, outputs))

    def _check_used(self, entry: Entry) -> None:
        """What dvc.lock says of a stage is what the stage has noted."""
        if entry.stage == "evaluate":
            used = read_json(_content(paths.metrics(entry.variant), entry.outputs))["used"]
            assert used == {"level": entry.level, "neighbours": entry.parameters["evaluate"]["neighbours"]}, entry
            return
        path = NOTED[entry.stage](entry.variant)
        used = (read_json if path.suffix == ".json" else read_pickle)(_content(path, entry.outputs))["used"]
        found = used["parameters"], used["level"], used["files"]
        files = {path: entry.dependencies[path] for path in used["files"]}
        assert found == (entry.parameters, entry.level, files), entry

    def _check_runs(self) -> None:
        """At any time there is one run a result, with one value a metric and step."""
        keys = self._query("SELECT value FROM tags JOIN runs USING (run_uuid) WHERE key = 'latentlab.key'")
        assert len(keys) == len(set(keys))
        points = self._query("SELECT run_uuid, key, step, count(*) FROM metrics GROUP BY run_uuid, key, step")
        assert [point for point in points if point[3] > 1] == []

    def _check_runs_of_results(self) -> None:
        """After a track that went well each result has its run, which is whole."""
        self._wait_for_left()
        lock = {"stages": self._lock()}
        for variant in self._variants():
            result = recorded(lock, variant, Path.read_text)
            found = self._query(
                "SELECT run_uuid, status, artifact_uri FROM runs JOIN tags USING (run_uuid) "
                "WHERE key = 'latentlab.key' AND value = ?",
                result.inputs.key,
            )
            assert len(found) == 1
            ((run, status, artifacts),) = found
            assert status == "FINISHED"
            tags = dict(self._query("SELECT key, value FROM tags WHERE run_uuid = ?", run))
            assert tags["md5.encoder"] == result.outputs[str(paths.encoder(variant))]
            epochs = result.inputs.settings()["epochs"]
            for name in ("loss", "validation_loss"):
                steps = self._query("SELECT step FROM metrics WHERE run_uuid = ? AND key = ? ORDER BY step", run, name)
                assert steps == [(step,) for step in range(1, epochs + 1)]
            assert self._query("SELECT count(*) FROM params WHERE run_uuid = ? AND key = 'epochs'", run) == [(1,)]
            folder = Path(artifacts.removeprefix("file://"))
            for path in (
                paths.metrics(variant),
                paths.history(variant),
                paths.encoder(variant),
                paths.decoder(variant),
            ):
                (kept,) = folder.rglob(path.name)
                assert md5(kept) == result.outputs[str(path)], path

    def _query(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        path = self.project / "mlflow.db"
        if not path.exists():
            return []
        # not read only: what a process that was killed has begun to write is undone by the next that opens it
        with contextlib.closing(sqlite3.connect(path, timeout=60)) as connection:
            try:
                return connection.execute(query, values).fetchall()
            except sqlite3.OperationalError as error:
                if "no such" not in str(error):  # tables are being made
                    raise
                return []

    def _check_nothing_temporary_is_left(self) -> None:
        folders = (paths.DATA, paths.MODELS, paths.METRICS, paths.PLOTS, paths.PLANS, paths.CHECKPOINTS)
        found = [path for folder in folders for path in folder.rglob("*") if TEMPORARY.fullmatch(path.name)]
        assert found == []


def _is(path: str, value: str) -> bool:
    return Path(path).exists() and md5(Path(path)) == value


def _cached(value: str) -> Path:
    return Path(".dvc/cache/files/md5", value[:2], value[2:])


def _content(path: Path, outputs: dict[str, str]) -> Path:
    """Where an output is as dvc.lock has it: in its place or in DVC's cache."""
    value = outputs[str(path)]
    place = path if _is(str(path), value) else _cached(value)
    assert place.exists(), path
    return place


def _workers(group: int) -> list[int]:
    """The processes in which stages of a command work: forked by those that watch over them, not by the server."""
    processes: dict[int, tuple[int, int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            processes[int(stat.parent.name)] = int(fields[1]), int(fields[2])
    ours = [number for number, (_, its) in processes.items() if its == group]
    servers = [number for number in ours if b"forks.py" in _command(number)]
    return sorted(number for number in servers if processes[number][0] in servers)


def _command(number: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{number}/cmdline").read_bytes()
    return b""


def steps(count: int) -> settings:
    """So many steps. The first history that hypothesis tries is the simplest of all, comments alone."""
    each = min(count, EACH_HISTORY)
    return settings(
        max_examples=1 + count // each,
        stateful_step_count=each,
        derandomize=COUNT not in os.environ,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


class TensorFlowHistories(Histories):
    """The same with the tiny study's variant `simple`, and with stages as they are."""

    code: ClassVar[dict[str, str]] = {
        "train": "models/dense",
        "extract": "stages/extract",
        "tsne": "stages/tsne",
        "evaluate": "metrics/scale",
    }
    study: ClassVar[str] = (ROOT / "studies/tiny/params.yaml").read_text()
    pace: ClassVar[int] = 6

    def _variants(self) -> list[str]:
        return ["one"]

    def _variant(self, name: str) -> dict[str, Any]:
        size, epochs = self.parameters["size"], self.parameters["epochs"]
        return {"model": "dense", "batch_size": 32, "epochs": epochs, "units": [size]}

    def _check_used(self, entry: Entry) -> None:
        """As far as the results tell."""
        if entry.stage == "train":
            summary = read_json(_content(paths.training(entry.variant), entry.outputs))
            assert summary["epochs"] == entry.parameters["variant"]["epochs"]
            assert summary["latent_shape"] == entry.parameters["variant"]["units"]
            assert summary["data"] == {path: entry.dependencies[path] for path in summary["data"]}


def run_histories(machine: type[Histories], count: int, root: Path, libraries: Sequence[str], database: bytes) -> None:
    """So many steps of the machine, in a folder."""
    template = root / "template"
    template.mkdir()
    with pytest.MonkeyPatch.context() as patch, forking(libraries) as commands:
        make_clone(template, patch, [])
        if machine is Histories:
            put_standins()
            commit("stand-ins")
        (template / "mlflow.db").write_bytes(database)
        (root / "tmp").mkdir()
        machine.template, machine.project, machine.count, machine.fault = template, root / "project", Counter(), None
        machine.variables = {
            "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(root / "project/src"),
            "TMPDIR": str(root / "tmp"),
            "DVC_SITE_CACHE_DIR": str(root / "site"),
            "LATENTLAB_LIVE": "1",
            "LATENTLAB_CHECKPOINT_SECONDS": "0",
        }
        try:
            run_state_machine_as_test(machine, settings=steps(count))
        except Exception:
            if machine.fault:
                raise machine.fault from None
            raise
        print(machine.count)


def test_histories_with_stand_ins(tmp_path: Path, database: bytes) -> None:
    run_histories(Histories, int(os.environ.get(COUNT, "200")), tmp_path, LIBRARIES, database)


def test_histories_with_tensorflow(tmp_path: Path, database: bytes) -> None:
    count = int(os.environ.get("LATENTLAB_TENSORFLOW_STEPS", "20"))
    run_histories(TensorFlowHistories, count, tmp_path, (*LIBRARIES, *TENSORFLOW), database)
