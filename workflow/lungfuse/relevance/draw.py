"""Draw explanations: image, words and columns of a case in one picture, methods side by side."""

from collections.abc import Mapping
from textwrap import wrap

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, TwoSlopeNorm
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from lungfuse.relevance.explanation import Explained
from lungfuse.relevance.methods import method
from lungfuse.relevance.stamps import OF_MODALITIES
from lungfuse.report.style import BLACK, BLUE, GREY, ORANGE, WIDTH

SIGNED, UNSIGNED = "RdBu_r", "magma"
HEADING, TITLE = 0.35, 0.2  # inches above all cases, and above each
PANEL, LINE, BAR = 1.05, 0.14, 0.16  # inches of an image, a line of text, and a bar
LETTERS, FONT = 118, 5.6  # of a line of text, and its size in points
MARKS = [*".,;:!?)"]  # that stand at the end of a word
MOST_WORDS = 90
NAMES = 0.12  # of the width: names beside bars
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
        x -= _joins(word)
        axes.text(x, y, word, fontsize=FONT, family="monospace", color=BLACK, bbox=box if abs(share) > 0.02 else None)
        x += len(word) + 1


def _lines(words: list[str]) -> list[list[int]]:
    """The numbers of the words on each line, of at most `MOST_WORDS` words."""
    lines, used = [[]], 0
    for number, word in enumerate(words[:MOST_WORDS]):
        if used + len(word) > LETTERS and lines[-1] and not _joins(word):
            lines.append([])
            used = 0
        lines[-1].append(number)
        used += len(word) + 1 - _joins(word)
    return lines


def _joins(word: str) -> bool:
    """Whether a word is a mark that stands at the end of another one."""
    return word in MARKS


def _draw_bars(figure: SubFigure, case: Explained, stamps: Mapping[str, str], place: Place) -> None:
    bottom, height = place
    names = [f"{name} {value}".strip() for name, value in case.columns.items()]
    panels = [(name, f"{method(name).title}\n{stamps.get(name, '')}".strip()) for name in case.of_columns]
    several = len(case.modalities) > 1
    width = (1 - NAMES * (bool(panels) + several)) / max(len(panels) + several, 1)
    left = NAMES
    for number, (name, title) in enumerate(panels):
        axes = figure.add_axes((left, bottom + 0.2 * height, width - 0.03, 0.52 * height))
        _bars(axes, title, case.of_columns[name], ["\n".join(wrap(each, 18)) for each in names] if number == 0 else [])
        left += width
    if several:
        left += NAMES if panels else 0
        axes = figure.add_axes((left, bottom + 0.2 * height, width - 0.03, 0.52 * height))
        title = f"Each modality\n{stamps.get(OF_MODALITIES, '')}".strip()
        _bars(axes, title, np.array(list(case.modalities.values())), list(case.modalities))


def _bars(axes: Axes, title: str, values: np.ndarray, names: list[str]) -> None:
    """Bars in logits; without names they stand beside those of the panel before."""
    axes.barh(range(len(values)), values, color=[ORANGE if value > 0 else BLUE for value in values])
    axes.axvline(0, color=BLACK, linewidth=0.5)
    axes.set_yticks(range(len(values)) if names else [], names)
    axes.xaxis.set_major_locator(MaxNLocator(2))
    axes.invert_yaxis()
    axes.tick_params(labelsize=FONT, length=1)
    axes.set_title(title, fontsize=FONT, pad=2)
