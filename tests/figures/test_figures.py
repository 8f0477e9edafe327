"""Figures say what they show."""

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from latentlab.figures import images
from latentlab.figures.bars import bars
from latentlab.figures.denoising import denoising
from latentlab.figures.losses import losses
from latentlab.figures.neighbours import neighbours
from latentlab.figures.roc import roc
from latentlab.figures.scatter import scatter
from latentlab.figures.style import look
from latentlab.storage.figure import write_figure
from latentlab.storage.memory import Array

HISTORY = {
    "epoch": np.array([1.0, 2.0]),
    "loss": np.array([3.0, 2.0]),
    "reconstruction_loss": np.array([3.0, 2.0]),
    "validation_loss": np.array([3.5, 2.5]),
    "validation_reconstruction_loss": np.array([3.5, 2.5]),
}
KL = {"kl_loss": np.array([0.1, 0.2]), "validation_kl_loss": np.array([0.1, 0.2])}
PIXELS = np.linspace(0, 1, 10 * 4 * 6).reshape(10, 4, 6, 1)
WRONG = np.array([[True, False, False], [False, False, True]])
LEVELS = (0.5, 0.1)
LINES = {"one": ([9.0, 20.0], [0.0, 0.0]), "none": ([math.nan] * 2, [0.0, 0.0]), "two": ([8.0, 21.0], [0.5, 0.0])}


def points(line: Line2D) -> Array:
    """What a line goes through, (N, 2)."""
    return np.array(line.get_data(), float).T


def test_losses_have_a_panel_for_each_term() -> None:
    plain = losses(HISTORY, "nats a pixel", 2, "t").axes
    assert [axes.get_ylabel() for axes in plain] == ["loss (nats a pixel)"]
    assert [line.get_label() for line in plain[0].lines] == ["training", "validation", "best epoch (2)"]
    assert plain[0].lines[1].get_ydata().tolist() == [3.5, 2.5]  # type: ignore[union-attr]
    variational = losses(HISTORY | KL, "nats an image", 2, "t").axes
    assert [axes.get_ylabel() for axes in variational] == [
        "loss (nats an image)",
        "reconstruction loss (nats an image)",
        "KL divergence (nats an image)",
    ]
    penalised = losses(HISTORY | {"loss": HISTORY["loss"] + 1}, "nats a pixel", 2, "t").axes
    assert len(penalised) == 2


def test_scatter_has_a_legend_entry_colour_and_marker_for_each_class(rng: np.random.Generator) -> None:
    classes = {f"class {number}": np.arange(5) + 5 * number for number in range(12)}
    drawing = scatter(rng.normal(size=(60, 2)), classes, "t", "x", "y")
    assert [text.get_text() for text in drawing.legends[0].get_texts()] == list(classes)
    looks = {
        (str(points.get_facecolor()), str(points.get_paths()[0].vertices)) for points in drawing.axes[0].collections
    }
    assert len(looks) == 12


def test_names_are_shown_as_they_are(rng: np.random.Generator, tmp_path: Path) -> None:
    names = ["_hidden", "$5_to_$10", "100 %"]
    drawing = scatter(rng.normal(size=(6, 2)), {name: np.array([at]) for at, name in enumerate(names)}, "t", "x", "y")
    drawing.savefig(tmp_path / "x.png")
    shown = [text.get_text().replace("\\$", "$").strip() for text in drawing.legends[0].get_texts()]
    assert shown == names


def test_scatter_without_classes_has_all_points_and_no_legend(rng: np.random.Generator) -> None:
    drawing = scatter(rng.normal(size=(60, 2)), None, "t", "x", "y")
    (points,) = drawing.axes[0].collections
    assert np.shape(points.get_offsets()) == (60, 2)
    assert drawing.legends == []


def test_rows_are_labelled_and_aligned() -> None:
    drawing = images.rows({"original": PIXELS, "reconstruction": 1 - PIXELS}, "t")
    assert [axes.get_ylabel() for axes in drawing.axes] == ["original", "reconstruction"]
    shown = drawing.axes[0].images[0].get_array()
    assert shown is not None
    assert shown.shape == (4, 10 * 6 + 9 * images.GAP)


def test_tiles_are_in_reading_order() -> None:
    tiles = images.tiled(PIXELS.reshape(2, 5, 4, 6, 1))
    pitch = 6 + images.GAP
    assert (tiles[:4, pitch : pitch + 6] == PIXELS[1]).all()
    assert (tiles[4 + images.GAP :, :6] == PIXELS[5]).all()
    assert (tiles[4, :] == 1).all()


def test_manifold_axes_show_latent_coordinates() -> None:
    axes_values = np.array([np.linspace(-3, 3, 10), np.linspace(0, 9, 10)])
    drawing = images.grid(np.zeros((10, 10, 4, 6, 1)), "t", axes_values)
    axes = drawing.axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()][0::6] == ["-3.00", "3.00"]
    assert [tick.get_text() for tick in axes.get_yticklabels()][0::6] == ["9.00", "0.00"]  # top row highest


@pytest.mark.parametrize(
    ("shape", "picture"), [((32,), (4, 8)), ((2,), (1, 2)), ((7,), (1, 7)), ((4, 4, 8), (8, 16)), ((3, 2, 1), (3, 2))]
)
def test_code_as_an_image(shape: tuple[int, ...], picture: tuple[int, int]) -> None:
    code = np.arange(np.prod(shape))
    image = images.code_image(code, shape)
    assert image.shape == picture
    assert sorted(image.ravel().tolist()) == code.tolist()
    if len(shape) == 3:
        assert (image[: shape[0], : shape[1]] == code.reshape(shape)[..., 0]).all()


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_codes_under_their_inputs_in_grey_and_colour(channels: int) -> None:
    inputs = np.repeat(PIXELS, channels, axis=3)
    drawing = images.codes(inputs, PIXELS.reshape(10, -1)[:, :8], (8,), "t")
    assert len(drawing.axes) == 2 * 10 + 1  # and the colour bar
    shown = drawing.axes[0].images[0].get_array()
    assert shown is not None
    assert shown.shape == ((4, 6, 3) if channels == 3 else (4, 6))


def test_bars_carry_their_values() -> None:
    drawing = bars(["one", "two", "none"], {"loss ↓": ([0.5, 0.25, math.nan], [0.0, 0.1, 0.0])}, "t")
    assert [text.get_text() for text in drawing.axes[0].texts] == ["0.5", "0.25", ""]
    assert drawing.axes[0].get_title() == "loss ↓"


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_neighbours_stand_beside_their_query_and_the_wrong_ones_are_framed(channels: int) -> None:
    inputs = np.repeat(PIXELS, channels, axis=3)
    drawing = neighbours(inputs[:2], inputs[2:8].reshape(2, 3, 4, 6, channels), WRONG, ["_a", "b"], "t")
    (axes,) = drawing.axes
    shown = axes.images[0].get_array()
    assert shown is not None
    assert shown.ndim == (3 if channels == 3 else 2)
    shown = np.atleast_3d(shown)[..., 0]
    first = shown.shape[1] - 3 * 6 - 2 * images.GAP
    assert first > 6 + images.GAP  # apart from the query
    pitch = (4 + images.GAP, 6 + images.GAP)
    assert (shown[:4, :6] == PIXELS[0, ..., 0]).all()
    for row, column in np.ndindex(2, 3):
        corner = row * pitch[0], first + column * pitch[1]
        found = shown[corner[0] : corner[0] + 4, corner[1] : corner[1] + 6]
        np.testing.assert_allclose(found, PIXELS[2 + 3 * row + column, ..., 0])
    framed = [frame.get_xy() for frame in axes.patches if isinstance(frame, Rectangle)]
    inside = framed[0][0] - first + 0.5
    assert 0 < inside < 1
    corners = [(first, 0), (first + 2 * pitch[1], pitch[0])]
    np.testing.assert_allclose(framed, np.array(corners) - 0.5 + inside)
    assert [text.get_text().strip() for text in axes.get_yticklabels()] == ["_a", "b"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["query", "1", "2", "3"]


def test_neighbours_without_labels_have_neither_frames_nor_names() -> None:
    (axes,) = neighbours(PIXELS[:1], PIXELS[None, 1:3], None, None, "t").axes
    assert (list(axes.patches), list(axes.get_yticklabels())) == ([], [])


def test_roc_curves_and_marks_have_their_names() -> None:
    rates = np.array([0.0, 0.2, 1.0]), np.array([0.0, 0.9, 1.0])
    drawing = roc({"error: AUROC 0.85": rates, "_b": rates[::-1]}, {"threshold": (0.2, 0.9)}, "t")
    (axes,) = drawing.axes
    names = [text.get_text().strip() for text in drawing.legends[0].get_texts()]
    assert names == ["error: AUROC 0.85", "_b", "chance: AUROC 0.5", "threshold"]
    first, second, chance, mark = axes.lines
    assert points(first) == pytest.approx(np.transpose(rates))
    assert first.get_linestyle() != second.get_linestyle()
    assert [points(line).tolist() for line in (chance, mark)] == [[[0, 0], [1, 1]], [[0.2, 0.9]]]


def test_denoising_has_a_line_for_each_that_has_numbers() -> None:
    noisy = {"one": [7.0, 19.0], "none": [math.nan] * 2, "two": [7.0, 19.0]}
    (axes,) = denoising(LEVELS, LINES, noisy, {"median filter": [8.5, 20.5]}, "t").axes
    drawn = {line.get_label(): line for line in axes.lines if not str(line.get_label()).startswith("_")}
    assert list(drawn) == ["one", "two", "median filter", "noisy input"]
    assert points(drawn["two"]).tolist() == [[0.1, 21.0], [0.5, 8.0]]
    assert points(drawn["noisy input"]).tolist() == [[0.1, 19.0], [0.5, 7.0]]
    looks = {name: {"color": drawn[name].get_color(), "marker": drawn[name].get_marker()} for name in ("one", "two")}
    assert looks == {"one": look(0), "two": look(2)}  # by the place among all, those without numbers included
    assert len(axes.collections) == 1  # the deviations of one of them


def test_variants_of_other_images_have_noisy_lines_of_their_own() -> None:
    noisy = {"one": [7.0, 19.0], "none": [math.nan] * 2, "two": [6.0, 18.0]}
    (axes,) = denoising(LEVELS, LINES, noisy, {}, "t").axes
    dashed = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert [(line.get_color(), points(line)[:, 1].tolist()) for line in dashed[:2]] == [
        (look(0)["color"], [19.0, 7.0]),
        (look(2)["color"], [18.0, 6.0]),
    ]
    assert dashed[2].get_label() == "noisy input, in its variant's colour"


def test_a_hundred_look_different() -> None:
    assert len({tuple(look(number).values()) for number in range(100)}) == 100


@pytest.mark.parametrize(
    "draw",
    [
        lambda: losses(HISTORY, "nats", 1, "t"),
        lambda: scatter(PIXELS.reshape(-1, 2), {"a": np.arange(60), "b": np.arange(60, 120)}, "t", "x", "y"),
        lambda: bars(["one"], {"loss": ([1.0], [0.0])}, "t"),
        lambda: neighbours(PIXELS[:2], PIXELS[2:8].reshape(2, 3, 4, 6, 1), WRONG, ["a", "b"], "t"),
        lambda: roc({"error": (np.arange(3) / 2, np.arange(3) / 2)}, {"threshold": (0.5, 0.5)}, "t"),
        lambda: denoising(LEVELS, LINES, {"one": [7.0, 19.0]}, {}, "t"),
    ],
)
def test_same_figure_same_bytes(tmp_path: Path, draw: Callable[[], Figure]) -> None:
    for name in ("a", "b"):
        write_figure(tmp_path / name / "f.png", draw())
    assert (tmp_path / "a/f.png").read_bytes() == (tmp_path / "b/f.png").read_bytes()
    assert (tmp_path / "a/f.png").read_bytes().startswith(b"\x89PNG")


def test_a_users_own_settings_change_no_picture(tmp_path: Path) -> None:
    script = """
import numpy as np
from pathlib import Path
from latentlab.figures.scatter import scatter
from latentlab.storage.figure import write_figure
write_figure(Path("a.png"), scatter(np.eye(2), None, "title", "x", "y"))
"""
    pictures = []
    for name, settings in (("plain", ""), ("own", "lines.linewidth: 9\nfont.size: 20\nsavefig.facecolor: red\n")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "matplotlibrc").write_text(settings)
        subprocess.run([sys.executable, "-c", script], cwd=folder, check=True)
        pictures.append((folder / "a.png").read_bytes())
    assert pictures[0] == pictures[1]
