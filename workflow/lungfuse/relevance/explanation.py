"""The explanation of one case by several methods, as it is drawn and written."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Explained:
    """One case with the relevance of what it holds.

    `title` says what is explained. `pixels` is uint8 of (y, x) or (y, x, 3), None without an image; `words` are those
    of the text; `columns` the values of columns by name, as texts; `modalities` what each adds to the logit. `images`
    holds a map, (y, x), by method, on a grid of any size; `of_words`, (word,), and `of_columns`, (column,), likewise.
    """

    title: str
    pixels: np.ndarray | None = None
    words: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    modalities: dict[str, float] = field(default_factory=dict)
    images: dict[str, np.ndarray] = field(default_factory=dict)
    of_words: dict[str, np.ndarray] = field(default_factory=dict)
    of_columns: dict[str, np.ndarray] = field(default_factory=dict)
