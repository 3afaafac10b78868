"""Raw images to one array on disk, each decoded once."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.added_cases import with_added
from lungfuse.archive import Member
from lungfuse.datasets import image_files, load_dataset
from lungfuse.files import atomic_array, raw_files, unchanged
from lungfuse.imaging.decode import DECODE_ERRORS, decode
from lungfuse.ingest.download import compare_with_published
from lungfuse.parameters import RawData, options
from lungfuse.settings.base import View, each_view
from lungfuse.settings.ingest import ImageSettings
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.ingest import ImageIndex, Rejected, Views, rejected_table
from lungfuse.words import joined


@options
class Outputs:
    """What is written.

    Parameters
    ----------
    array
        Output: uint8 of shape (image, height, width), 0 black to 255 white, .npy; with colours, an axis of red, green
        and blue comes last.
    index
        Output: the row of each image in the array.
    rejected_images
        Output: images that are missing, cannot be decoded or come twice.
    """

    array: Path
    index: Path
    rejected_images: Path


def main(
    *,
    data: RawData,
    view: View,
    images: ImageSettings,
    views: Path,
    outputs: Outputs,
    threads: int = 1,
) -> None:
    """Decode every image of one view, or of several, into an array.

    Parameters
    ----------
    data
        The raw files, and what reads them.
    view
        The view to decode, such as Frontal, or several where a case has an image of each.
    images
        Height and width of the array, how images are fitted to it, and whether it keeps their colours.
    views
        Table of the images that reports name, with their views.
    outputs
        What is written.
    threads
        How many images are decoded at once.
    """
    named = read_table(views, Views)
    wanted = named["image_id"][named["view"].isin(each_view(view))]
    source = with_added(load_dataset(data.dataset, data.table), data.added)
    files = image_files(source, data.raw)
    with unchanged(lambda: raw_files(data.raw, files)):
        found, bad = write_array(source.read_images(data.raw), set(wanted), images, outputs.array, threads)
        seen = {row["image_id"] for row in found} | {image_id for _, image_id, _ in bad}
        missing = [image_id for image_id in wanted if image_id not in seen]
        rejected = compare_with_published(data.dataset, source, data.raw, files) + bad
        rejected += [("image", image_id, "not in the raw images") for image_id in missing]
        write_table(pd.DataFrame(found, columns=["image_id", "row", "width", "height"]), outputs.index, ImageIndex)
        write_table(rejected_table(rejected), outputs.rejected_images, Rejected)
    shown = joined(each_view(view))
    print(f"{len(found):,} of {len(wanted):,} {shown} images decoded, {len(missing):,} missing, {len(bad)} bad")
    if missing:
        print(
            f"missing: {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}; all in {outputs.rejected_images}"
        )


def write_array(
    members: Iterable[Member], wanted: set[str], settings: ImageSettings, path: Path, threads: int = 1
) -> tuple[list[dict], list[tuple[str, str, str]]]:
    """Decode the wanted members and append them to the .npy file `path`, in the order they come.

    Returns the rows of `ImageIndex` and those of `Rejected`. Memory use does not grow with the number of images.
    """
    found, rejected = [], []
    shape = (settings.image_size, settings.image_size, *([3] if settings.colour else []))
    with atomic_array(path, np.uint8, shape) as append:
        for image_id, decoded in _decode_all(_select(members, wanted, rejected), settings, threads):
            if isinstance(decoded, str):
                rejected.append(("image", image_id, decoded))
                continue
            pixels, (width, height) = decoded
            found.append({"image_id": image_id, "row": len(found), "width": width, "height": height})
            append(pixels)
    return found, rejected


def _select(members: Iterable[Member], wanted: set[str], rejected: list) -> Iterator[Member]:
    taken = set()
    for member in members:
        if member.problem and member.stem in wanted:
            rejected.append(("image", member.stem, member.problem))
        elif member.problem:
            rejected.append(("archive member", member.name, member.problem))
        elif member.stem in taken:
            rejected.append(("image", member.stem, f"is twice in the raw images ({member.name}); the first is used"))
        elif member.stem in wanted:
            taken.add(member.stem)
            yield member


def _decode_all(
    members: Iterable[Member], settings: ImageSettings, threads: int
) -> Iterator[tuple[str, tuple[np.ndarray, tuple[int, int]] | str]]:
    """Image id with its pixels and source size, or with the reason it cannot be decoded; in order."""
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[tuple[str, Future]] = deque()
        for member in members:
            waiting.append((member.stem, pool.submit(_decode_or_reason, member.data, settings)))
            if len(waiting) > 2 * threads:
                image_id, future = waiting.popleft()
                yield image_id, future.result()
        for image_id, future in waiting:
            yield image_id, future.result()


def _decode_or_reason(data: bytes, settings: ImageSettings) -> tuple[np.ndarray, tuple[int, int]] | str:
    try:
        return decode(data, settings)
    except DECODE_ERRORS as error:
        return f"cannot be decoded ({error})"
