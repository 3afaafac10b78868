"""Labelled images of other collections, for image encoders to be pre-trained on beside those of the study's own."""

from collections.abc import Iterator
from dataclasses import fields
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.archive import Member
from lungfuse.datasets import Dataset, columns_of, load_dataset
from lungfuse.duplicates.copies import same_images
from lungfuse.duplicates.pictures import Pictures, look_at
from lungfuse.errors import UserError
from lungfuse.files import read_array
from lungfuse.ingest.images import write_array
from lungfuse.ingest.pretraining_cases import headings_of
from lungfuse.ingest.reports import with_patients
from lungfuse.ingest.several_images import ids_of
from lungfuse.parameters import options
from lungfuse.settings.ingest import ImageSettings
from lungfuse.settings.training import LabelledImages
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.ingest import ImageIndex, Pairs, Rejected, rejected_table
from lungfuse.tables.training import LabelledCases
from lungfuse.words import joined as joined_words

MOST_REJECTED = 0.2  # share of the images of a collection


@options
class Files:
    """What is read.

    Parameters
    ----------
    raw_root
        Folder with a folder of raw files for each collection.
    pairs
        Table of pairs of the study.
    array
        Image array of the study.
    index
        Index of the image array of the study.
    """

    raw_root: Path
    pairs: Path
    array: Path
    index: Path


@options
class Outputs:
    """What is written.

    Parameters
    ----------
    other_images
        Output: uint8 of shape (image, height, width), or with colours at the end, .npy.
    other_cases
        Output: a row an image of that array, with its labels.
    rejected_others
        Output: images that cannot be used, and those that are near-copies of images of the study.
    """

    other_images: Path
    other_cases: Path
    rejected_others: Path


def main(
    *, sets: dict[str, LabelledImages], images: ImageSettings, files: Files, outputs: Outputs, threads: int = 1
) -> None:
    """Gather the labelled images of other collections, without copies of images of the study's pairs.

    Each collection, and within it each site, has labels of its own, which are not known of the images of others.

    Parameters
    ----------
    sets
        The collections by the folders of their raw files, and what their labels are.
    images
        Height and width of the array, how images are fitted to it, and whether it keeps their colours.
    files
        What is read.
    outputs
        What is written.
    threads
        How many images are decoded at once.

    Raises:
        UserError: a collection has no labels, or many of its images cannot be used.
    """
    sources = {name: load_dataset(each.dataset, each.table) for name, each in sets.items()}
    raw = {name: files.raw_root / name for name in sets}
    tables = [labelled_cases(name, sets[name], source, raw[name]) for name, source in sources.items()]
    cases = pd.concat(tables, ignore_index=True)
    members = chain.from_iterable(members_of(name, source, raw[name]) for name, source in sources.items())
    found, rejected = write_array(members, set(cases["image_id"]), images, outputs.other_images, threads)
    cases = cases.merge(pd.DataFrame(found, columns=["image_id", "row"]), on="image_id", how="left")
    rejected = rejected_table(rejected)
    unseen = cases["row"].isna() & ~cases["image_id"].isin(rejected["id"])
    missing = [("image", image_id, "not in the raw images") for image_id in cases["image_id"][unseen]]
    check_found(cases, files.raw_root)
    cases = cases.dropna(subset="row").reset_index(drop=True)
    copied = copies_of_pairs(read_array(outputs.other_images, len(found)), cases["row"].to_numpy(int), files)
    copies = [
        ("image", image_id, "is a copy of an image of a pair, or nearly") for image_id in cases["image_id"][copied]
    ]
    write_table(pd.concat([rejected, rejected_table(missing + copies)]), outputs.rejected_others, Rejected)
    write_table(cases[~copied].astype({"row": int}), outputs.other_cases, LabelledCases)
    print(f"{(~copied).sum():,} images of {', '.join(sets)}; {copied.sum():,} copies of images of pairs left out")


def members_of(name: str, source: Dataset, raw: Path) -> Iterator[Member]:
    """The images of a collection, called after it too."""
    for member in source.read_images(raw):
        yield Member(member.name, member.data, member.problem, f"{name}/{member.stem}")


def check_found(cases: pd.DataFrame, raw_root: Path) -> None:
    """Raise UserError where many images of a collection are missing or cannot be decoded."""
    for name, rows in cases["row"].groupby(cases["collection"], sort=False):
        if rows.isna().mean() > MOST_REJECTED:
            raise UserError(
                f"{raw_root / name}: {rows.isna().sum():,} of {len(rows):,} images are missing or cannot be decoded, "
                f"expected at most {MOST_REJECTED:.0%}. Fix the files, or take the collection out of pretraining.sets."
            )


def labelled_cases(name: str, setting: LabelledImages, source: Dataset, raw: Path) -> pd.DataFrame:
    """`LabelledCases` of a collection, but for their rows: a label a heading, or a word of a column, of each site.

    Raises:
        UserError: it has no image of the view, no column of that name, or no label that is frequent enough.
    """
    collection = source.read_reports(raw)
    reports = with_patients(collection.reports)
    if setting.label:
        if setting.label not in columns_of(source):
            raise UserError(
                f"pretraining.sets.{name}.label: found {setting.label!r}, expected one of the columns "
                f"{', '.join(columns_of(source)) or 'of a dataset that has some'}."
            )
        words = collection.values.set_index("report_id")[setting.label].reindex(reports["report_id"]).fillna("")
        reports = reports.assign(major=words.str.replace(r"[;/]", " ", regex=True).to_numpy())
    views = collection.views[collection.views["view"] == setting.view]
    cases = views[["image_id", "report_id"]].merge(reports[["report_id", "patient", "site", "major"]], on="report_id")
    if cases.empty:
        raise UserError(
            f"{raw}: no image of the view {setting.view!r}, found {joined_words(collection.views['view'].unique())}. "
            f"Fix pretraining.sets.{name}.view."
        )
    labels = []
    for site, own in cases.groupby("site", sort=True):
        of_site = " ".join(filter(None, ["label", name, str(site)])).replace(" ", "_", 1)
        found = headings_of(own, setting.min_images, setting=f"pretraining.sets.{name}.min_images")
        labels.append(found.add_prefix(f"{of_site} "))
    found = pd.DataFrame({"image_id": name + "/" + cases["image_id"], "collection": name})
    return found.assign(group=name + "/" + cases["patient"]).join(pd.concat(labels))


def copies_of_pairs(array: np.ndarray, rows: np.ndarray, files: Files) -> np.ndarray:
    """Whether each of some images of an array is the same as an image of a pair of the study, or nearly; (image,)."""
    index = read_table(files.index, ImageIndex)
    of_pairs = index["row"][index["image_id"].isin(ids_of(read_table(files.pairs, Pairs)))].to_numpy()
    study = look_at(read_array(files.array, int(of_pairs.max()) + 1), of_pairs, of_pairs * 0 - 1, done=lambda _: None)
    others = look_at(array, rows, np.arange(len(rows)), done=lambda _: None)
    copies = same_images(joined(study, others))
    pairs = np.concatenate([copies.same, copies.near])
    across = pairs[pairs.min(axis=1) < 0].max(axis=1)
    return np.isin(np.arange(len(rows)), across)


def joined(first: Pictures, second: Pictures) -> Pictures:
    """The images of two collections as one."""
    names = [field.name for field in fields(Pictures)]
    return Pictures(*(np.concatenate([getattr(first, name), getattr(second, name)]) for name in names))
