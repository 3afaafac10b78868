"""What test rows share with the rows a model learned from: patients, other groups, images and texts."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from lungfuse.audit.audited import Audited
from lungfuse.audit.found import Found
from lungfuse.audit.scores import Estimate
from lungfuse.audit.units import joined, linked, near_partners, partners, shared_with_validation
from lungfuse.duplicates.copies import Copies, same_images, same_texts
from lungfuse.words import counted, share

LEAST_WORDS = 8  # of a text; shorter ones say the same by chance
STOPS = 0.01  # share of the test rows
LARGE = 20  # rows of a value on average, from which on it may be a site or device, and not a lesion
SHOWN = 3


@dataclass(frozen=True)
class Flaw:
    """Something that a test row may share with rows a model learned from.

    `unit` numbers what belongs on one side, -1 where a row shares nothing; `partner` is a training row like each row
    that is tested, -1 where there is none; both (row,). `details` say how alike a row and its partner are.
    """

    kind: str
    subject: str
    unit: np.ndarray
    partner: np.ndarray
    details: dict[int, str] = field(default_factory=dict)

    @property
    def large(self) -> bool:
        """Whether it is a group of many rows each."""
        known = self.unit[self.unit >= 0]
        return self.kind == "group" and len(known) > LARGE * len(np.unique(known))

    @property
    def affected(self) -> np.ndarray:
        """The test rows that have the flaw."""
        return np.flatnonzero(self.partner >= 0)


def flaws_of(data: Audited) -> list[Flaw]:
    """What may be on both sides, one flaw per column or kind of copy; last all together, where that is more."""
    found = [*_of_groups(data), *_of_images(data), *_of_texts(data)]
    crossing = [flaw for flaw in found if len(flaw.affected) and not flaw.large]
    every = joined([flaw.unit for flaw in crossing], len(data))
    partner = partners(every, data.split)
    if len(crossing) > 1 and (partner >= 0).sum() > max(len(flaw.affected) for flaw in crossing):
        found.append(Flaw("together", "all that is on both sides", every, partner))
    return found


def _of_groups(data: Audited) -> Iterator[Flaw]:
    for name in data.group_columns:
        unit = data.codes(name)
        kind = "patient" if name == data.roles.patient else "group"
        yield Flaw(kind, name, unit, partners(unit, data.split))


def _of_images(data: Audited) -> Iterator[Flaw]:
    if data.pictures is not None and len(data.pictures) > 1:
        yield from _of_copies(data, "image", data.roles.image, same_images(data.pictures))


def _of_texts(data: Audited) -> Iterator[Flaw]:
    for name in data.texts:
        texts = data.normalised(name)
        long = texts.where(texts.str.count(" ") >= LEAST_WORDS - 1, "")
        if (long != "").sum() > 1:
            yield from _of_copies(data, "text", name, same_texts(long))


def _of_copies(data: Audited, what: str, subject: str, copies: Copies) -> Iterator[Flaw]:
    """Copies that are the same, and those that are nearly so and have no same one in training."""
    unit = linked(copies.same, len(data))
    same = partners(unit, data.split)
    yield Flaw(f"same {what}", subject, unit, same)
    first = np.arange(len(data))
    first[copies.same[:, 1]] = copies.same[:, 0]
    near = np.where(same >= 0, -1, near_partners(first, copies.near, data.split))
    alike = {}
    for (one, two), likeness in zip(copies.near.tolist(), copies.likeness, strict=True):
        alike[one, two] = alike[two, one] = f"{likeness:.3f}"
    details = {int(row): alike[int(first[row]), int(first[near[row]])] for row in np.flatnonzero(near >= 0)}
    every = linked(np.concatenate([copies.same, copies.near]), len(data))
    yield Flaw(f"near {what}", subject, every, near, details)


def finding_of(flaw: Flaw, data: Audited) -> Found:
    """How many test rows have a flaw, which is none where nothing is on both sides."""
    affected, tested = flaw.affected, data.split.tested
    severity = "note"
    if len(affected):
        stops = len(affected) >= STOPS * len(tested) and flaw.kind != "near text" and not flaw.large
        severity = "stop" if stops else "warning"
    found = f"{len(affected):,} of {counted(len(tested), 'test row')} ({share(len(affected), len(tested))}) "
    found += f"{_shared(flaw)}{_beyond(flaw, data)}{_examples(flaw, data)}."
    if held := shared_with_validation(flaw.unit, data.split):
        found += f" {counted(held, 'test row')} share one with the validation rows, by which a model may be chosen."
    found += " It has many rows each, so it may be a site or a device." if flaw.large else ""
    blank = int((data.cells[flaw.subject] == "").sum()) if flaw.kind in ("patient", "group") else 0
    if blank:
        found += f" {counted(blank, 'row')} name none and count as one each."
    value = Estimate(len(affected) / len(tested))
    return Found(severity, flaw.kind, flaw.subject, found, len(affected), len(tested), value=value)


def _shared(flaw: Flaw) -> str:
    match flaw.kind:
        case "patient" | "group":
            what = "patient" if flaw.kind == "patient" else "group"
            return f"have their {what} ({flaw.subject}) in training too"
        case "same image":
            return f"show the same pixels as a training image ({flaw.subject})"
        case "near image":
            return f"show nearly the same as a training image ({flaw.subject})"
        case "same text":
            return f"have the same {flaw.subject} as a training row"
        case "near text":
            return f"share four fifths of the {flaw.subject} with a training row"
        case _:
            return "share a patient, group, image or text with training, directly or through others"


def _beyond(flaw: Flaw, data: Audited) -> str:
    """How many copies are of rows whose patient, or group, does not say that they belong together."""
    if not len(flaw.affected) or ("image" not in flaw.kind and "text" not in flaw.kind) or not data.group_columns:
        return ""
    other = data.groups[flaw.affected] != data.groups[flaw.partner[flaw.affected]]
    return f", {other.sum():,} of them one of another {data.group_columns[0]}"


def _examples(flaw: Flaw, data: Audited) -> str:
    if not len(flaw.affected) or flaw.kind == "together":
        return ""
    shown = flaw.affected[:SHOWN]
    if flaw.kind in ("patient", "group"):
        return f", such as {', '.join(dict.fromkeys(data.cells[flaw.subject].iloc[shown]))}"
    return ", such as rows " + ", ".join(f"{row + 1} and {flaw.partner[row] + 1}" for row in shown)


def rows_of(flaws: list[Flaw]) -> list[tuple]:
    """The rows of the table `AuditRows`; rows are numbered from 1 below the header."""
    return [
        (flaw.kind, flaw.subject, int(row) + 1, int(flaw.partner[row]) + 1, flaw.details.get(int(row), ""))
        for flaw in flaws
        for row in flaw.affected
    ]
