"""Images of an odd size or shape, blank ones, and X-rays in which black and white are exchanged."""

from collections.abc import Iterator

import numpy as np

from lungfuse.check.checked import Checked
from lungfuse.check.finding import Finding, Severity
from lungfuse.duplicates.pictures import FEW
from lungfuse.words import counted, listed

TINY = 64  # pixels of the shorter side
LONG = 3.0  # times the median shape
ALIKE, INVERTED = 0.4, -0.3  # correlation with the mean image: of most images, and of an inverted one


def findings(data: Checked) -> Iterator[Finding]:
    if data.pictures is None or not len(data.pictures):
        return
    yield from _blank(data)
    yield from _inverted(data)
    yield from _sizes(data)


def _blank(data: Checked) -> Iterator[Finding]:
    pictures = data.pictures
    blank = pictures.case[pictures.blank]
    if len(blank):
        yield _finding(
            data,
            "warning",
            "blank",
            blank,
            "show nothing: all their pixels are the same",
            "They carry no information, and if one class has more of them, they predict it.",
            "Remove them from the table or fix the files.",
        )


def _inverted(data: Checked) -> Iterator[Finding]:
    pictures = data.pictures
    if len(pictures) < FEW or np.median(pictures.likeness) < ALIKE:
        return
    inverted = pictures.case[pictures.likeness < INVERTED]
    if len(inverted):
        yield _finding(
            data,
            "warning",
            "inverted",
            inverted,
            "are like a negative of the others, so black and white may be exchanged",
            "A network sees another kind of image; pretrained ones have hardly seen any.",
            "Look at them, and invert those that are.",
        )


def _sizes(data: Checked) -> Iterator[Finding]:
    known = data.cases["width"].notna().to_numpy()
    cases = np.flatnonzero(known)
    width, height = (data.cases[side].to_numpy(float)[known] for side in ["width", "height"])
    tiny = cases[np.minimum(width, height) < TINY]
    if len(tiny):
        yield _finding(
            data,
            "warning" if len(tiny) > 0.01 * len(cases) else "note",
            "tiny",
            tiny,
            f"have a side of fewer than {TINY} pixels",
            "They are scaled up and show little.",
            "Look at them: they may be thumbnails or crops.",
        )
    shape = np.log(width / height)
    odd = cases[np.abs(shape - np.median(shape)) > np.log(LONG)]
    if len(odd):
        yield _finding(
            data,
            "note",
            "shape",
            odd,
            f"are more than {LONG:.0f} times as long or as wide as most",
            "Padded to a square, they are small in it.",
            "Look at them: they may be strips, sheets of several images or of another kind.",
        )


def _finding(
    data: Checked, severity: Severity, subject: str, cases: np.ndarray, what: str, effect: str, remedy: str
) -> Finding:
    names = data.cases["image_id"].iloc[cases]
    data.details.extend(("images", name, "", subject) for name in names)
    by_class = ", ".join(f"{np.isin(cases, np.flatnonzero(has)).sum():,} {name}" for name, has in data.of_class.items())
    found = f"{counted(len(cases), 'image')} {what}: {listed(names, 3)}; of these {by_class}."
    return Finding(severity, subject, found, effect, remedy)
