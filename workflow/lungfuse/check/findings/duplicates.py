"""The same and nearly the same images and texts, across groups and across classes."""

from collections.abc import Iterator

import numpy as np

from lungfuse.check.checked import Checked
from lungfuse.check.finding import Finding
from lungfuse.duplicates.copies import Copies, same_images, same_texts
from lungfuse.words import counted, share

MANY = 0.05  # of the cases
DETAILS = 20_000  # pairs that are named
LEAST_WORDS = 8  # of a text; shorter ones say the same by chance


def findings(data: Checked) -> Iterator[Finding]:
    if data.pictures is not None and len(data.pictures) > 1:
        yield from _images(data, same_images(data.pictures))
    for section, texts in data.texts.items():
        if section in data.read("text"):
            long = texts.where(texts.str.count(" ") >= LEAST_WORDS - 1, "")
            yield from _texts(data, section, same_texts(long))


def _images(data: Checked, copies: Copies) -> Iterator[Finding]:
    total = len(data.pictures)
    _detail(data, "same image", copies.same)
    _detail(data, "near image", copies.near, copies.likeness)
    both = np.concatenate([copies.same, copies.near])
    contradicting = _cases(copies.same[_differ(data, copies.same)])
    near = _cases(copies.near[_differ(data, copies.near)])
    if len(contradicting):
        severity = "stop" if len(contradicting) > data.settings.contradicting * total else "warning"
        yield Finding(
            severity,
            "two classes",
            f"{counted(len(contradicting), 'image')} ({share(len(contradicting), total)}) have the same pixels as one "
            f"of another label{_examples(data, copies.same[_differ(data, copies.same)])}.",
            "No model can separate these; one of the two labels is wrong, or the image shows more than one case.",
            "check_cases.csv names the pairs. Fix their labels, or exclude them.",
        )
    apart = {"same pixels": copies.same[_apart(data, copies.same)], "near": copies.near[_apart(data, copies.near)]}
    if len(apart["same pixels"]):
        number = len(_cases(apart["same pixels"]))
        yield Finding(
            "warning",
            "same images",
            f"{counted(number, 'image')} ({share(number, total)}) have the same pixels as one of another group"
            f"{_examples(data, apart['same pixels'])}.",
            "One is tested by a model trained on the other and its label: scores are too good.",
            "check_cases.csv names the pairs. Leave all but one out, or give both the same patient.",
        )
    if len(apart["near"]):
        number = len(_cases(apart["near"]))
        more = ", or more" if copies.more else ""
        yield Finding(
            "warning",
            "near images",
            f"{counted(number, 'image')} ({share(number, total)}){more} are nearly the same as one of another group"
            f"{_examples(data, apart['near'])}; {len(near):,} of all near ones are of another label.",
            "If they show the same patient, a model is tested on training cases: scores are too good.",
            "Look at the pairs in check_cases.csv. If they are of one patient, name its column.",
        )
    if len(both) and not any(map(len, apart.values())):
        number = len(_cases(both))
        yield Finding(
            "note",
            "images in groups",
            f"{counted(number, 'image')} are the same or nearly the same as one of their own group; none of another.",
            "They stay in one fold, so no score is inflated by them.",
            "Nothing.",
        )


def _texts(data: Checked, section: str, copies: Copies) -> Iterator[Finding]:
    total = int((data.texts[section] != "").sum())
    _detail(data, f"same {section}", copies.same)
    _detail(data, f"near {section}", copies.near, copies.likeness)
    same = len(_cases(copies.same))
    if same:
        differ = len(_cases(copies.same[_differ(data, copies.same)]))
        across = len(_cases(copies.same[_apart(data, copies.same)]))
        yield Finding(
            "warning" if across > MANY * total else "note",
            f"same {section}",
            f"{counted(same, 'case')} of {total:,} ({share(same, total)}) have the same {section} as another one; "
            f"{differ:,} of these under another label, {across:,} in another group.",
            "A text with two labels cannot separate them; one in two groups is tested by a model trained on the other.",
            f'Empty {section} in the table where it is a phrase that means "no text".',
        )
    apart = copies.near[_apart(data, copies.near)]
    if len(apart):
        number = len(_cases(apart))
        more = ", or more" if copies.more else ""
        yield Finding(
            "warning" if number > MANY * total else "note",
            f"near {section}",
            f"{counted(number, 'case')} of {total:,} ({share(number, total)}){more} share four fifths of the {section} "
            "with one of another group.",
            "Such a text is nearly a training text of the model that it tests.",
            "check_cases.csv names the pairs. If they are of one patient or of one publication, name its column.",
        )


def _differ(data: Checked, pairs: np.ndarray) -> np.ndarray:
    """Which pairs have labels that contradict each other."""
    values = data.outcomes.values
    return (np.abs(values[pairs[:, 0]] - values[pairs[:, 1]]) == 1).any(axis=1)


def _apart(data: Checked, pairs: np.ndarray) -> np.ndarray:
    groups = data.cases["group"].to_numpy()
    return groups[pairs[:, 0]] != groups[pairs[:, 1]]


def _cases(pairs: np.ndarray) -> np.ndarray:
    return np.unique(pairs)


def _examples(data: Checked, pairs: np.ndarray) -> str:
    names = data.cases["pair_id"].to_numpy()
    shown = [" and ".join(names[pair]) for pair in pairs[:2]]
    return f", such as {', '.join(shown)}" if shown else ""


def _detail(data: Checked, kind: str, pairs: np.ndarray, likeness: np.ndarray | None = None) -> None:
    names = data.cases["pair_id"].to_numpy()
    said = [""] * len(pairs) if likeness is None else [f"{value:.3f}" for value in likeness]
    for (first, second), detail in zip(pairs[:DETAILS], said[:DETAILS], strict=True):
        data.details.append((kind, names[first], names[second], detail))
