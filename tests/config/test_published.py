"""published.yaml: none is needed, and what is wrong in one is named by its key before any work."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from latentlab.config import paths
from latentlab.config.published import Published, load
from latentlab.config.stages import ForCompare
from latentlab.errors import UserError
from latentlab.pipeline.plan import read_parameters
from latentlab.stages import plan

VARIANTS = ("simple", "vae")
WHOLE = """
- {variant: simple, metric: reconstruction.bce, value: 0.093, source: somewhere, setting: 50 epochs, remark: r}
- {variants: [simple, vae], metric: anomaly.auroc, value: 1, source: somewhere}
- {row: OCGAN, metric: anomaly.auroc, value: 0.5, source: "a | b"}
"""
REST = "metric: reconstruction.bce, value: 1, source: x"
WRONG = [
    ("variant: simple", "no list, allowed: a list of entries"),
    ("- simple", "0: found 'simple', allowed: keys such as variant, metric, value, source"),
    (f"- {{{REST}}}", "0: found none, allowed: one of variant, variants, row"),
    (f"- {{variant: simple, row: a, {REST}}}", "0: found variant and row, allowed: one of variant, variants, row"),
    (f"- {{variant: simpel, {REST}}}", "0.variant: found 'simpel', allowed: simple, vae"),
    (f"- {{row: a, {REST}}}\n- {{variants: [vae, b], {REST}}}", "1.variants: found 'b', allowed: simple, vae"),
    (f"- {{variants: [], {REST}}}", "0.variants: found [], allowed: "),
    (
        f"- {{variant: simple, valeu: 1, {REST}}}",
        "0.valeu: unknown key, allowed: metric, remark, row, setting, source, ",
    ),
    ("- {variant: simple, metric: reconstruction.bce, value: 1}", "0.source: missing"),
    (
        "- {row: a, metric: reconstruction.bce, value: high, source: x}",
        "0.value: found 'high', allowed: a valid number",
    ),
    ("- {row: a, metric: reconstruction.bce, value: .nan, source: x}", "0.value: found nan, allowed: a finite number"),
    ("- {row: a, metric: reconstruction.bce, value: 1, source: ''}", "0.source: found '', allowed: "),
    ("- {row: a", "not valid YAML"),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[message for _, message in WRONG])
def test_what_is_wrong_is_named(project: Path, text: str, message: str) -> None:
    paths.PUBLISHED.write_text(text)
    with pytest.raises(UserError) as raised:
        load(VARIANTS)
    assert str(raised.value).startswith(f"published.yaml: {'found ' * message.startswith('no list')}{message}")
    assert "\n" not in str(raised.value)


def test_entries_and_the_lack_of_them(project: Path) -> None:
    assert load(VARIANTS) == ()
    paths.PUBLISHED.write_text(WHOLE)
    one, several, other = load(VARIANTS)
    assert (one.names, several.names, other.names) == (("simple",), ("simple", "vae"), ())
    assert (one.value, one.setting, other.row, other.remark) == (0.093, "50 epochs", "OCGAN", None)


def test_they_are_in_the_plans_of_what_shows_them_alone(
    write_params: Callable[[dict[str, Any]], None], tiny: dict[str, Any]
) -> None:
    write_params(tiny)
    plan.main()
    before = {path: path.read_bytes() for path in paths.PLANS.iterdir()}
    assert read_parameters(ForCompare).published is None
    paths.PUBLISHED.write_text(WHOLE)
    plan.main()
    changed = {path.stem for path in paths.PLANS.iterdir() if path.read_bytes() != before[path]}
    assert changed == {"compare", "report"}
    found = read_parameters(ForCompare).published
    assert found == load(VARIANTS)
    assert all(isinstance(entry, Published) for entry in found or ())
    paths.PUBLISHED.unlink()
    plan.main()
    assert {path: path.read_bytes() for path in paths.PLANS.iterdir()} == before


@pytest.mark.parametrize(
    ("metric", "known"),
    [
        ("reconstruction.bec", False),
        ("test/bce", False),
        ("training.numerics", False),
        ("denoising.psnr_0.3", False),
        ("denoising.psnr_0.5", True),
        ("reconstruction.mse", True),
        ("training.parameters", True),
        ("anomaly.auroc", True),
        ("vae.elbo", True),
    ],
)
def test_a_metric_that_no_table_can_have_stops_the_plan(project: Path, metric: str, known: bool) -> None:
    paths.PUBLISHED.write_text(f"- {{row: a, metric: {metric}, value: 1, source: x}}")
    if known:
        assert plan.main().startswith("plan: ")
        return
    with pytest.raises(UserError, match=rf"^published\.yaml: 0\.metric: found '{metric}', allowed: anomaly\.auroc, "):
        plan.main()
    assert not paths.PLANS.exists()
