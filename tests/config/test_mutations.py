"""Parameter files that someone, or a cat, has spoilt: each is valid or refused in one line that names the file."""

import copy
import math
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from latentlab.config import params
from latentlab.errors import UserError
from latentlab.pipeline.plan import make_plans
from tests.conftest import ROOT

GOOD = (ROOT / "studies/tiny/params.yaml").read_text()
PATH = "params.yaml"
# a second file to spoil, with keys that the tiny study does without
RICH = GOOD.replace("dataset: mnist_5k, images: 300", "dataset: npz, path: data/raw/own.npz").replace(
    "units: [32], epochs: 2",
    "units: [32], learning_rate_schedule: {kind: cosine}, early_stopping: {patience: 3}, epochs: 2",
)
HUGE = "0x" + "f" * 5000  # YAML reads it, but Python writes no decimal number of so many digits

odd_numbers = st.sampled_from([0, -1, 2**31, 2**63, 2**64, 10**400, -(10**4000), 0.1, -0.0, 1e308, 5e-324])
numbers = st.integers() | st.floats() | odd_numbers | st.sampled_from([math.nan, math.inf, -math.inf])
texts = st.text(max_size=20) | st.sampled_from(
    ["", " ", "a" * 5000, "ä", "数", "a\nb", "a\u2028b", "\0", "yes", "1e-3", "~"]
)
scalars = st.none() | st.booleans() | numbers | texts | st.dates() | st.datetimes() | st.binary(max_size=9)
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | numbers, inner, max_size=3),
    max_leaves=6,
)
# what no dump of plain values contains: tags, anchors, merges, numbers in other bases, unfinished or very deep nesting
raw = st.sampled_from(
    [
        *("!!bool abc", '!!int ""', '!!float ""', "!!int abc", "!!timestamp abc", "!!binary =", "!!set {a, b}"),
        *("!!python/object/apply:os.abort []", "!unknown x", "*none", "&a [*a]", "&a {<<: *a}", "{<<: 3}"),
        *("{<<: {a: 1}, <<: {b: 1}}", HUGE, f"-{HUGE}", f"[{HUGE}]", f"{{a: {HUGE}}}", "9" * 5000, "0b", "0o9", "1_0"),
        *(
            "[" * 3000,
            "[" * 3000 + "]" * 3000,
            "{a: " * 3000 + "1" + "}" * 3000,
            "2001-13-44",
            "? [a]\n: 1",
            "|",
            "'",
            '"',
        ),
        *(
            "{a: 1, a: 2}",
            "{[a]: 1}",
            "{{a: 1}: 1}",
            "a: b: c",
            "%YAML",
            "---",
            "...",
            "#",
            "\t",
            "\x01",
            "\ufeff",
            "\x85",
        ),
    ]
)
bytes_of_no_text = st.sampled_from([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\0"])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in nested dicts and lists: keys and numbers from outside in."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return ([path] if path else []) + [each for key, item in inner for each in places(item, (*path, key))]


@st.composite
def restructured(draw: st.DrawFn, good: str) -> str:
    """One to three changes of the content: other values, names or nesting, keys that are new or gone."""
    content = YAML(typ="safe", pure=True).load(good)
    for _ in range(draw(st.integers(1, 3))):
        *parents, last = draw(st.sampled_from(places(content)))
        block = content
        for parent in parents:
            block = block[parent]
        match draw(st.sampled_from(["value", "value", "sign", "name", "gone", "added", "nested", "moved"])):
            case "value":
                block[last] = draw(junk)
            case "sign" if isinstance(block[last], int | float):
                block[last] = -block[last]
            case "name" if isinstance(block, dict):
                block[draw(texts | numbers)] = block.pop(last)
            case "added" if isinstance(block, dict):
                block[draw(texts | numbers)] = draw(junk)
            case "nested":
                block[last] = draw(st.sampled_from([[block[last]], {last: block[last]}]))
            case "moved":
                content[last] = copy.deepcopy(block[last])
            case _:
                del block[last]
    text = StringIO()
    YAML(typ="safe", pure=True).dump(content, text)
    return text.getvalue()


@st.composite
def retyped(draw: st.DrawFn, good: str) -> str:
    """A change of the text: a value that is no plain one, a line twice or gone, characters in between or gone."""
    lines = good.splitlines(keepends=True)
    at = draw(st.integers(0, len(lines) - 1))
    match draw(st.sampled_from(["raw", "raw", "twice", "gone", "typed", "cut", "end"])):
        case "raw":
            colons = [i for i, character in enumerate(lines[at]) if character == ":"]
            start = draw(st.sampled_from(colons)) + 1 if colons else 0
            end = next((i for i in range(start, len(lines[at])) if lines[at][i] in ",}#\n"), start)
            lines[at] = f"{lines[at][:start]} {draw(raw)} {lines[at][end:]}"
        case "twice":
            lines.insert(at, lines[draw(st.integers(0, len(lines) - 1))])
        case "gone":
            del lines[at : at + draw(st.integers(1, 3))]
        case "typed":
            column = draw(st.integers(0, len(lines[at])))
            lines[at] = lines[at][:column] + draw(texts | raw) + lines[at][column:]
        case "cut":
            return good[: draw(st.integers(0, len(good)))]
        case _:
            lines.append(draw(raw | texts))
    return "".join(lines)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """The content of a parameter file after someone was at it."""
    good = draw(st.sampled_from([GOOD, RICH]))
    content = draw(restructured(good) | retyped(good)).encode(errors="surrogatepass")
    if draw(st.integers(0, 19)) == 19:
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(bytes_of_no_text) + content[at:]
    return content


def with_value(key: str, value: str) -> bytes:
    """The good file with a value in place of the first one of this key."""
    before, separator, rest = GOOD.partition(f"{key}: ")
    end = next(i for i, character in enumerate(rest) if character in ",}#\n")
    return f"{before}{separator}{value}{rest[end:]}".encode()


def check(content: bytes, folder: Path) -> str | None:
    """What is said of a file with this content; None if it is valid, and then it can be planned."""
    path = folder / PATH
    path.write_bytes(content)
    try:
        found = params.load(path)
    except UserError as error:
        return str(error)
    for plan in make_plans(found).values():
        plan.text.encode()
    return None


@settings(
    max_examples=200,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
@given(content=spoilt())
@example(content=GOOD.encode())
@example(content=RICH.encode())
@example(content=with_value("seed", "!!bool abc"))
@example(content=with_value("seed", '!!int ""'))
@example(content=with_value("seed", HUGE))
@example(content=with_value("epochs", HUGE))
@example(content=with_value("seed", "[" * 800 + "]" * 800))
@example(content=(GOOD + '"a\\nb": 1\n').encode())
@example(content=with_value("epochs", '2, "a\\nb": 1'))
def test_a_spoilt_file_is_valid_or_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    said = check(content, tmp_path)
    assert said is None or (len(said.splitlines()) == 1 and said.startswith(f"{tmp_path / PATH}: "))


@settings(max_examples=8, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=spoilt())
@example(content=with_value("epochs", HUGE))
@example(content=with_value("seed", "!!bool abc"))
@example(content=with_value("epochs", '2, "a\\nb": 1'))
def test_the_command_says_the_same_and_writes_nothing(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("project")
    said = check(content, folder)
    before = sorted(folder.rglob("*"))
    command = [sys.executable, "-m", "latentlab.stages.plan"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if said is None:
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"error: {said.replace(str(folder / PATH), PATH)}\n"
        assert sorted(folder.rglob("*")) == before
