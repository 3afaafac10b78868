"""The images of an audited table, each read once."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lungfuse.audit.audited import Audited
from lungfuse.audit.embed import embedder
from lungfuse.check.check import bar
from lungfuse.duplicates.pictures import Pictures, look_at
from lungfuse.errors import UserError
from lungfuse.image_lookup import ImageFile
from lungfuse.imaging.decode import DECODE_ERRORS, decode
from lungfuse.settings.ingest import ImageSettings

SIDE = 224  # pixels that each image is scaled to
PART = 256  # images at a time
MOST_BYTES = 1 << 28
MOST_LOST = 0.5  # share of the images


def with_images(data: Audited, encoder: str | None = None) -> Audited:
    """The table with what its images show, and as vectors of an encoder; those that cannot be read are named.

    Raises:
        UserError: most cannot, or there is no such encoder.
    """
    if data.files is None or data.roles.image is None:
        if encoder:
            raise UserError(f"--encoder: found {encoder}, but no images. Say --images and their folder.")
        return data
    embed = embedder(encoder) if encoder else None
    cells = data.cells[data.roles.image]
    named = np.flatnonzero(cells != "")
    files = data.files.find(cells.iloc[named])
    parts, vectors, unreadable = [], [], {}
    with bar(len(named), "image") as done:
        for start in range(0, len(named), PART):
            rows = named[start : start + PART]
            read = list(_read(data, rows, files, unreadable))
            if read:
                pixels = np.stack([each for _, each in read])
                parts.append(look_at(pixels, np.arange(len(read)), np.array([row for row, _ in read]), int))
                vectors += [embed(pixels)] if embed else []
            done(len(rows))
    if len(unreadable) > MOST_LOST * len(named):
        row, reason = next(iter(unreadable.items()))
        raise UserError(
            f"--images: {len(unreadable):,} of the {len(named):,} images that {data.roles.image} names cannot be read, "
            f"such as row {row + 1}: {reason}. Name the folder or .zip file that has them."
        )
    return replace(
        data, pictures=_together(parts), vectors=np.concatenate(vectors) if vectors else None, unreadable=unreadable
    )


def _read(
    data: Audited, rows: np.ndarray, files: dict[str, ImageFile | str], unreadable: dict[int, str]
) -> Iterator[tuple[int, np.ndarray]]:
    cells = data.cells[data.roles.image]
    settings = ImageSettings(image_size=SIDE, fit="stretch", colour=True)
    for row in rows:
        file = files[cells.iloc[row]]
        if isinstance(file, str):
            unreadable[int(row)] = file
            continue
        (member,) = data.files.read([file], MOST_BYTES)
        try:
            if member.problem:
                raise ValueError(member.problem)
            yield int(row), decode(member.data, settings)[0]
        except DECODE_ERRORS as error:
            unreadable[int(row)] = f"{cells.iloc[row]}: {error}"


def _together(parts: list[Pictures]) -> Pictures | None:
    if not parts:
        return None
    names = ["case", "thumbnails", "digest", "least", "most"]
    return Pictures(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
