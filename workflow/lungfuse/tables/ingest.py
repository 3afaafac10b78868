"""The tables between raw files and pairs."""

from typing import ClassVar

import pandas as pd
import pandera.pandas as pa
from pandera.api.dataframe.model_components import FieldInfo
from pandera.typing import Series

from lungfuse.settings.base import SECTION
from lungfuse.tables.base import Table, by_label, columns

ANY_VIEW = "any"  # of images in a table without a column of views
SECTIONS = ["comparison", "indication", "findings", "impression"]


def image_column(place: str) -> str:
    """The column of pairs with the images at a place, such as a view, where cases have several."""
    return f"image_at_{place}"


def at_place() -> FieldInfo:
    """The columns of the images at each place, see `image_column`."""
    return pa.Field(alias=f"^{image_column('')}.+$", regex=True)


class Reports(Table):
    """One row a report, in the order of the collection. `major` and `automatic` are MeSH headings joined by '; '.

    Pairs of a `patient` are never in both training and test, nor do those that share a mark of `apart`, which are
    joined by '; '. `site` is the hospital or the like, empty when the collection does not say; so is the `date`.
    `own_split` is what the study's own column says of the split.
    """

    report_id: Series[str] = pa.Field(unique=True)
    patient: Series[str]
    site: Series[str]
    major: Series[str]
    automatic: Series[str]
    comparison: Series[str]
    indication: Series[str]
    findings: Series[str]
    impression: Series[str]
    date: Series[str] | None
    apart: Series[str] | None
    own_split: Series[str] | None


class Views(Table):
    """One row an image that a report names. `view` is the projection, empty when the collection does not say.

    `projection` is the collection's own word, where a view stands for several.
    """

    image_id: Series[str] = pa.Field(unique=True)
    report_id: Series[str]
    view: Series[str]
    projection: Series[str] | None


class AddedCases(Table):
    """One row a case that was confirmed after its study was made; `image_id` and `patient` may be empty.

    `major` has headings as in `Reports`. Beside these, text.<section> and value.<column> have its texts and values.
    """

    report_id: Series[str] = pa.Field(unique=True)
    patient: Series[str]
    image_id: Series[str]
    view: Series[str]
    major: Series[str]


class ImageIndex(Table):
    """Where an image lies in the image array: `row` on axis 0. `width` and `height` are the source's, in pixels."""

    image_id: Series[str] = pa.Field(unique=True)
    row: Series[int] = pa.Field(ge=0, unique=True)
    width: Series[int] = pa.Field(ge=1)
    height: Series[int] = pa.Field(ge=1)


class KnownEvidence(Table):
    """Where the evidence of a report is known to lie: whether its images hold any, where masks say so; a passage of its
    text, which may be empty; and the names of columns, with spaces between them.

    Image and text speak for the class or label `label`. Where another one is explained, it is not known where evidence
    lies: it may be that nothing of this is there. Columns may speak for any, by their values.
    """

    report_id: Series[str] = pa.Field(unique=True)
    label: Series[str]
    image: Series[bool]
    text: Series[str]
    columns: Series[str]


class Rejected(Table):
    """Input that could not be used. `what` is raw file, archive member, report, projection, image or pair."""

    what: Series[str]
    id: Series[str]
    reason: Series[str]


class Candidates(Table):
    """One row an image with its report that passed the study's filters. `text` is the study's own section.

    Where cases have several images a row is a report: a column image_at_<place> each has the image at a place, empty
    where there is none, and `image_id` is the first of them.

    `label` is the number of the class; with several labels a pair, it is a column `label_<label>` each, empty where it
    is not known. Sections that a dataset module declares beside these four stand behind them.
    """

    pair_id: Series[str] = pa.Field(unique=True)
    report_id: Series[str]
    image_id: Series[str]
    label: Series[pd.Float64Dtype] = by_label("label", nullable=True)
    text: Series[str]
    group: Series[int] = pa.Field(ge=0)
    site: Series[str]
    comparison: Series[str]
    indication: Series[str]
    findings: Series[str]
    impression: Series[str]
    date: Series[str] | None
    own_split: Series[str] | None
    image_at: Series[str] | None = at_place()


class Pairs(Table):
    """The candidates with the fold that tests each of them, of repeat 0; see `Folds`. Of a split with a fixed test part
    the others have -1: they are learned from alone."""

    pair_id: Series[str] = pa.Field(unique=True)
    report_id: Series[str]
    image_id: Series[str]
    label: Series[pd.Float64Dtype] = by_label("label", nullable=True)
    text: Series[str]
    group: Series[int] = pa.Field(ge=0)
    fold: Series[int] = pa.Field(ge=-1)
    site: Series[str]
    comparison: Series[str]
    indication: Series[str]
    findings: Series[str]
    impression: Series[str]
    date: Series[str] | None
    own_split: Series[str] | None
    image_at: Series[str] | None = at_place()


class Columns(Table):
    """The structured columns of a dataset: `kind` is number or category, `unit` that of a number, or nothing."""

    name: Series[str] = pa.Field(unique=True, str_matches=f"^{SECTION}$")
    kind: Series[str] = pa.Field(isin=["number", "category"])
    unit: Series[str]


class Values(Table):
    """One row a report: the values of the structured columns, under their names, empty where missing."""

    report_id: Series[str] = pa.Field(unique=True)


class Structured(Table):
    """One row a pair, in the order of the pairs: the values of the structured columns, empty where missing."""

    pair_id: Series[str] = pa.Field(unique=True)


class Folds(Table):
    """The fold that tests each pair in each repeat, -1 where none does: folds are drawn anew in every repeat."""

    repeat: Series[int] = pa.Field(ge=0)
    pair_id: Series[str]
    fold: Series[int] = pa.Field(ge=-1)

    class Config(Table.Config):
        unique: ClassVar = ["repeat", "pair_id"]


class Validation(Table):
    """The pairs that the models of a fold are validated on: one row a repeat, fold and pair, of another fold.

    Models learn from the other pairs of the other folds.
    """

    repeat: Series[int] = pa.Field(ge=0)
    fold: Series[int] = pa.Field(ge=0)
    pair_id: Series[str]


class Funnel(Table):
    """How many images, reports and pairs are left after each step, and how many of them are of each class.

    Where a study does not have two classes, a column <label> each counts them in place of `negative` and `positive`.
    """

    step: Series[str] = pa.Field(unique=True)
    count: Series[int] = pa.Field(ge=0)
    negative: Series[pd.Int64Dtype] | None = pa.Field(ge=0, nullable=True)
    positive: Series[pd.Int64Dtype] | None = pa.Field(ge=0, nullable=True)


def rejected_table(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    """A table of `Rejected` from rows of what, id, reason."""
    return pd.DataFrame(rows, columns=columns(Rejected), dtype=str)


def sections_of(pairs: pd.DataFrame) -> list[str]:
    """The sections of the report that a table of pairs has, in its order."""
    return [*SECTIONS, *(name for name in pairs if name not in columns(Pairs, pairs) and name != "part")]
