"""Whether a table and its split can be used at all: classes on both sides, labels, patients, images."""

from collections.abc import Iterator

import numpy as np

from lungfuse.audit.audited import Audited
from lungfuse.audit.found import Found
from lungfuse.words import counted, listed, share

SHIFTED = 0.1  # difference of the share of a class between training and test


def of_table(data: Audited) -> Iterator[Found]:
    yield from _label(data)
    yield from _patient(data)
    if data.asked is not None:
        yield from _classes(data)
        yield from _contradictions(data)
    if data.unreadable:
        names = [f"row {row + 1} ({reason})" for row, reason in data.unreadable.items()]
        found = f"{counted(len(names), 'image')} cannot be read and were not looked at: {listed(names, 3)}."
        yield Found("warning", "unreadable", data.roles.image, found, len(names), len(data))


def _label(data: Audited) -> Iterator[Found]:
    if data.asked is None:
        found = f"No label, so columns and gaps were not looked at, and no flaw was measured. {data.why_no_label}"
        yield Found("warning", "label", "none", found, 0, len(data))
        return
    unknown = int(np.isnan(data.asked.values).all(axis=1).sum())
    if unknown:
        found = (
            f"{counted(unknown, 'row')} ({share(unknown, len(data))}) have no known label and took part in no score."
        )
        yield Found("note", "label", ", ".join(data.asked.columns), found, unknown, len(data))


def _patient(data: Audited) -> Iterator[Found]:
    if not data.roles.patient:
        found = "No column names the patient, so patients on both sides cannot be seen. Name it with --patient."
        yield Found("warning", "patient", "none", found, 0, len(data.split.tested))


def _classes(data: Audited) -> Iterator[Found]:
    words = data.asked.words.to_numpy()
    for part in data.split.parts:
        sides = {"test": part.test, "training": part.train}
        missing = {
            side: [name for name in data.asked.classes if not _has(data, name, rows).any()]
            for side, rows in sides.items()
        }
        for side, names in missing.items():
            if names:
                alone = len(data.asked.classes) - len(names) < 2 and data.asked.exclusive
                effect = "It has one class alone, so no AUROC is defined" if alone else "They cannot be scored there"
                found = f"The {side} rows of {part.name} have no row of {listed(names)}. {effect}."
                yield Found(
                    "stop" if alone else "warning", "classes", f"{part.name}, {side}", found, 0, len(sides[side])
                )
        if any(missing.values()) or not data.asked.exclusive:
            continue
        for name in data.asked.classes:
            tested, learned = ((words[rows] == name).mean() for rows in (part.test, part.train))
            if abs(tested - learned) > SHIFTED:
                found = (
                    f"{name} is {tested:.1%} of the test rows of {part.name} and {learned:.1%} of the training rows."
                )
                count = int((words[part.test] == name).sum())
                yield Found("note", "classes", f"{part.name}, {name}", found, count, len(part.test))


def _has(data: Audited, name: str, rows: np.ndarray) -> np.ndarray:
    if data.asked.exclusive:
        return data.asked.words.to_numpy()[rows] == name
    return data.asked.values[rows, data.asked.names.index(name)] == 1


def _contradictions(data: Audited) -> Iterator[Found]:
    """Images with the same pixels under different labels."""
    if data.pictures is None:
        return
    shown = ~data.pictures.blank
    rows, digest = data.pictures.case[shown], data.pictures.digest[shown]
    labels = data.asked.words.iloc[rows].reset_index(drop=True)
    known = (labels != "").to_numpy()
    varied = labels[known].groupby(digest[known]).transform("nunique") > 1
    chosen = rows[known][varied.to_numpy()]
    if len(chosen):
        found = f"{counted(len(chosen), 'image')} have the same pixels as one of another label: rows "
        found += f"{listed(np.sort(chosen) + 1)}. One of the labels is wrong, or the image is of several cases."
        yield Found("warning", "contradiction", data.roles.image, found, len(chosen), len(data.pictures))
