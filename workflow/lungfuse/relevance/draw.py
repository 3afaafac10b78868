"""Draw explanations: image, words and columns of a case in one picture, methods side by side."""

from collections.abc import Mapping
from textwrap import wrap

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, TwoSlopeNorm
from matplotlib.figure import Figure, SubFigure

from lungfuse.relevance.explanation import Explained
from lungfuse.relevance.methods import method
from lungfuse.report.style import BLACK, BLUE, GREY, ORANGE, WIDTH

SIGNED, UNSIGNED = "RdBu_r", "magma"
HEADING, TITLE, PANEL, LINE, BAR = 0.35, 0.2, 1.05, 0.14, 0.16  # inches: what stands above all cases and above one,
# images, lines of text, and bars
LETTERS, FONT = 118, 5.6  # of a line of text, and its size in points
MOST_WORDS = 90
Place = tuple[float, float]
"""Of a part of a case: its lower edge and its height, in shares of the case."""


def draw(cases: list[Explained], above: str, stamps: Mapping[str, str]) -> Figure:
    """Cases one below the other; `stamps` says of each method what its pictures are worth."""
    heights = [HEADING, *map(_height, cases)]
    figure = plt.figure(figsize=(WIDTH, sum(heights)))
    figure.suptitle(above, x=0.01, y=1 - 0.05 / sum(heights), ha="left", va="top", fontsize="large")
    _, *places = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    for place, case in zip(places, cases, strict=True):
        _draw_case(figure.add_subfigure(place), case, stamps)
    return figure


def _height(case: Explained) -> float:
    return TITLE + _image_height(case) + _text_height(case) + _column_height(case)


def _image_height(case: Explained) -> float:
    return PANEL + 0.25 if case.pixels is not None else 0.0


def _text_height(case: Explained) -> float:
    return sum((len(_lines(case.words)) + 0.8) * LINE for _ in case.of_words) + 0.1 if case.of_words else 0.0


def _column_height(case: Explained) -> float:
    bars = max([len(case.columns) if case.of_columns else 0, len(case.modalities) if len(case.modalities) > 1 else 0])
    return bars * BAR + 0.35 if bars else 0.0


def _draw_case(figure: SubFigure, case: Explained, stamps: Mapping[str, str]) -> None:
    total = _height(case)
    figure.text(0.01, 1 - 0.05 / total, case.title, fontsize="small", fontweight="bold", va="top")
    bottom = 1 - TITLE / total
    for height, draw_part in [
        (_image_height(case), _draw_images), (_text_height(case), _draw_words), (_column_height(case), _draw_bars),
    ]:  # fmt: skip
        if height:
            bottom -= height / total
            draw_part(figure, case, stamps, (bottom, height / total))


def _draw_images(figure: SubFigure, case: Explained, stamps: Mapping[str, str], place: Place) -> None:
    bottom, height = place
    share = 0.98 / (len(case.images) + 1)
    side = min(share * 0.96, PANEL / WIDTH)
    for number, (name, each) in enumerate([("", None), *case.images.items()]):
        axes = figure.add_axes((0.01 + number * share, bottom, side, height * PANEL / (PANEL + 0.25)))
        _draw_image(axes, case.pixels, each, name)
        title = f"{method(name).title}\n{stamps.get(name, '')}".strip() if name else ""
        axes.set_title(title, fontsize=FONT, loc="left", pad=2)


def _draw_image(axes: Axes, pixels: np.ndarray, relevance: np.ndarray | None, name: str) -> None:
    axes.set_axis_off()
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, aspect="equal")
    if relevance is None:
        return
    height, width = pixels.shape[:2]
    most = max(float(np.quantile(np.abs(relevance), 0.995)), 1e-12)
    signed = method(name).signed
    norm = TwoSlopeNorm(0, -most, most) if signed else Normalize(0, most)
    strength = np.clip(np.abs(relevance) / most, 0, 1) ** 0.7 * 0.75
    look = {"extent": (0, width, height, 0), "interpolation": "bilinear" if max(relevance.shape) < 40 else "nearest"}
    axes.imshow(relevance, cmap=SIGNED if signed else UNSIGNED, norm=norm, alpha=strength, **look)


def _draw_words(figure: SubFigure, case: Explained, stamps: Mapping[str, str], place: Place) -> None:
    axes = figure.add_axes((0.01, place[0], 0.98, place[1]))
    lines, inches = _lines(case.words), _text_height(case)
    axes.set(xlim=(0, LETTERS), ylim=(inches, 0))
    axes.set_axis_off()
    y = LINE
    for name, relevance in case.of_words.items():
        axes.text(0, y, ": ".join(filter(None, [method(name).title, stamps.get(name, "")])), fontsize=FONT, color=GREY)
        for line in lines:
            y += LINE
            _draw_line(axes, y, [(case.words[number], relevance[number]) for number in line], np.abs(relevance).max())
        y += 0.8 * LINE


def _draw_line(axes: Axes, y: float, words: list[tuple[str, float]], most: float) -> None:
    x, colours = 0, plt.get_cmap(SIGNED)
    for word, value in words:
        share = value / most if most else 0.0
        box = {"facecolor": colours(0.5 + 0.35 * share), "edgecolor": "none", "pad": 0.8}
        axes.text(x, y, word, fontsize=FONT, family="monospace", color=BLACK, bbox=box if abs(share) > 0.02 else None)
        x += len(word) + 1


def _lines(words: list[str]) -> list[list[int]]:
    """The numbers of the words on each line, of at most `MOST_WORDS` words."""
    lines, used = [[]], 0
    for number, word in enumerate(words[:MOST_WORDS]):
        if used + len(word) > LETTERS and lines[-1]:
            lines.append([])
            used = 0
        lines[-1].append(number)
        used += len(word) + 1
    return lines


def _draw_bars(figure: SubFigure, case: Explained, stamps: Mapping[str, str], place: Place) -> None:
    bottom, height = place
    panels = [(f"{method(name).title}\n{stamps.get(name, '')}".strip(), each) for name, each in case.of_columns.items()]
    labels = [f"{name} {value}".strip() for name, value in case.columns.items()]
    found = [(title, dict(zip(labels, each, strict=True))) for title, each in panels]
    if len(case.modalities) > 1:
        found.append(("each modality, in logits", case.modalities))
    share = 1 / max(len(found), 1)
    for number, (title, bars) in enumerate(found):
        # Names stand at the first panel, and at that of modalities, which has its own.
        named = number == 0 or list(bars) != labels
        left = number * share + (0.11 if named else 0.04)
        axes = figure.add_axes((left, bottom + 0.2 * height, share - 0.13, 0.52 * height))
        axes.barh(
            range(len(bars)), list(bars.values()), color=[ORANGE if value > 0 else BLUE for value in bars.values()]
        )
        axes.axvline(0, color=BLACK, linewidth=0.5)
        axes.set_yticks(range(len(bars)), ["\n".join(wrap(each, 18)) for each in bars] if named else [])
        axes.invert_yaxis()
        axes.tick_params(labelsize=FONT, length=1)
        axes.set_title(title, fontsize=FONT, pad=2)
