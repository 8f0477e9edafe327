"""Whether `numerics: portable` gives the same bytes on other CPUs: `python -m benchmarks.portable --help`.

The study `tiny`, two epochs a variant, goes through every stage here and under each emulated CPU of qemu-user, and all
files are compared. An emulated process takes a minute where one of this machine takes seconds.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from tqdm import tqdm

from benchmarks import machine
from benchmarks.page import write_section
from benchmarks.same_bytes import first_difference
from latentlab.config import params, paths, studies
from latentlab.config.stages import EACH_VARIANT
from latentlab.storage.yaml import read_yaml

PAGE = Path("docs/reproducibility.md")
STUDY = Path("studies/tiny")
EPOCHS = 2
EMULATOR = "qemu-x86_64"
WHOLE, PART = ("Haswell",), ("EPYC", "Icelake-Server")  # CPUs for all variants, and for some
SOME = ("conv", "lstm")
SHARED = ("prepare", "classifier")  # stages before those of a variant
NOT_COMPARED = ("plan", "data/raw", "checkpoints")
NATIVE = ""  # the name of this machine's CPU


def main() -> int:
    """Run everything, print what differs, write the page; 1 if anything differs."""
    arguments = _arguments()
    if not shutil.which(EMULATOR):
        raise SystemExit(f"error: found no {EMULATOR}; Debian has it in the package qemu-user")
    with tempfile.TemporaryDirectory(prefix="portable-") as temporary:
        found = compare_all(Path(temporary), arguments.whole, arguments.part, arguments.jobs)
    print(*(found or ["all files have the same bytes"]), sep="\n")
    write_section(arguments.output, "portable", page(arguments.whole, arguments.part, found))
    return 1 if found else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Whether results are the same bytes under emulated CPUs.")
    parser.add_argument("--whole", nargs="*", default=WHOLE, help="CPUs of qemu for all variants")
    parser.add_argument("--part", nargs="*", default=PART, help=f"CPUs of qemu for {' and '.join(SOME)}")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at once")
    parser.add_argument("--output", type=Path, default=PAGE, help="the page to write")
    return parser.parse_args()


def compare_all(folder: Path, whole: Sequence[str], part: Sequence[str], jobs: int) -> list[str]:
    """A line for each file that is not the same under a CPU as it is here."""
    wanted = {cpu: all_variants() for cpu in (NATIVE, *whole)} | dict.fromkeys(part, SOME)
    places = {cpu: _study(folder / (cpu or "native")) for cpu in wanted}
    runs = [(cpu, variant) for cpu, variants in wanted.items() for variant in variants]
    total = sum(len(EACH_VARIANT) for _ in runs) + len(SHARED) * len(wanted)
    with tqdm(total=total, unit="stage", disable=None) as progress, ThreadPoolExecutor(jobs) as pool:

        def stages(cpu: str, names: Sequence[str], *variant: str) -> None:
            for stage in names:
                _run(cpu, places[cpu], stage, *variant)
                progress.update()

        list(pool.map(lambda cpu: stages(cpu, SHARED), wanted))
        list(pool.map(lambda run: stages(run[0], EACH_VARIANT, run[1]), runs))
    return [line for cpu in wanted if cpu for line in differences(cpu, places[NATIVE], places[cpu])]


def all_variants() -> Sequence[str]:
    """Those of the study."""
    return list(params.load(STUDY / paths.PARAMS).variants)


def _study(folder: Path) -> Path:
    """The study in a folder of its own, with plans."""
    content = read_yaml(STUDY / paths.PARAMS)
    for name, variant in params.load(STUDY / paths.PARAMS).variants.items():
        if variant.trains:
            content["variants"][name]["epochs"] = EPOCHS
    folder.mkdir()
    (folder / paths.PARAMS).write_text(json.dumps(content))  # which is YAML, too
    studies.make_raw(folder)
    _run(NATIVE, folder, "plan")
    return folder


def _run(cpu: str, folder: Path, stage: str, *variant: str) -> None:
    emulated = [EMULATOR, "-cpu", cpu] if cpu else []
    command = [*emulated, sys.executable, "-m", f"latentlab.stages.{stage}", *variant]
    source = str(Path("src").resolve())
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": source, "LATENTLAB_LIVE": "0"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if not line.startswith(f"{EMULATOR}: warning")]
        raise SystemExit(f"error: {' '.join([stage, *variant])} under {cpu or 'this CPU'}: " + "\n".join(said[-5:]))


def differences(cpu: str, ours: Path, theirs: Path) -> Iterator[str]:
    """A line for each file under `theirs` that `ours` has not, or not with the same bytes."""
    files = sorted(path.relative_to(theirs) for path in theirs.rglob("*") if path.is_file())
    for file in files:
        if file.as_posix().startswith(NOT_COMPARED):
            continue
        if not (ours / file).exists():
            yield f"{cpu}: {file}: not made here"
        elif (position := first_difference(ours / file, theirs / file)) is not None:
            yield f"{cpu}: {file}: differs from byte {position:,} on"


def page(whole: Sequence[str], part: Sequence[str], found: Sequence[str]) -> str:
    """What was compared, when, on which CPUs, and what came of it."""
    every, some, count = ", ".join(whole), ", ".join(part), len(all_variants())
    text = (
        f"{datetime.now(UTC):%Y-%m-%d}, {machine.sentence(machine.describe(1))} "
        f"The study `tiny`, {EPOCHS} epochs a variant, all {count} variants, natively and under qemu's {every}"
        + (f", {' and '.join(SOME)} also under {some}" if some else "")
        + ". Models, history, features, decoded images, t-SNE, metrics and pictures: "
    )
    return text + ("the same bytes everywhere." if not found else "\n\n" + "\n".join(f"- {line}" for line in found))


if __name__ == "__main__":
    sys.exit(main())
