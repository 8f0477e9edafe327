"""What a sweep goes through, as the command line has it."""

import pytest

from latentlab.errors import UserError
from latentlab.sweeps.axes import Axis, combinations, parse


def test_values_are_those_of_yaml_and_lists_keep_their_commas() -> None:
    variant, axes = parse(["deep.units=[64, 32],[8]", "deep.learning_rate=1.0e-3,0.1", "deep.keep=best"])
    assert variant == "deep"
    assert axes == [
        Axis("units", {"[64, 32]": [64, 32], "[8]": [8]}),
        Axis("learning_rate", {"1.0e-3": 0.001, "0.1": 0.1}),
        Axis("keep", {"best": "best"}),
    ]
    assert len(combinations(axes)) == 4
    assert combinations(axes)[:2] == [
        {"units": "[64, 32]", "learning_rate": "1.0e-3", "keep": "best"},
        {"units": "[64, 32]", "learning_rate": "0.1", "keep": "best"},
    ]


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["vae"], "sweep: found 'vae', allowed: VARIANT.KEY=VALUE,VALUE,... such as vae.latent_dim=2,8,32"),
        (["vae.latent_dim="], "sweep: found 'vae.latent_dim=', allowed: VARIANT.KEY=VALUE"),
        (["vae.latent_dim=2,,8"], "sweep: found 'vae.latent_dim=2,,8', allowed: values that are not empty, each once"),
        (["vae.latent_dim=2,2"], "sweep: found 'vae.latent_dim=2,2', allowed: values that are not empty, each once"),
        (["vae.latent_dim=2", "deep.epochs=3"], "sweep: found vae, deep, allowed: keys of one variant"),
        (["vae.epochs=2", "vae.epochs=3"], "sweep: found epochs, allowed: each key once, and --seeds for seeds"),
        (["vae.seed=2,3"], "sweep: found seed, allowed: each key once, and --seeds for seeds"),
        (["vae.units=[2"], "vae.units=[2: not valid YAML"),
        ([], "sweep: found nothing, allowed: keys of one variant"),
    ],
)
def test_what_is_wrong_is_named(words: list[str], fault: str) -> None:
    with pytest.raises(UserError) as raised:
        parse(words)
    assert str(raised.value).startswith(fault)
    assert "\n" not in str(raised.value)
