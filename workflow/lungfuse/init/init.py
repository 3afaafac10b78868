"""From a table of cases to a study: looks at the columns, writes its entry, links its files, checks its data."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from lungfuse.errors import UserError
from lungfuse.init.choose import on_terminal
from lungfuse.init.compose import Options, composed
from lungfuse.init.data_check import checked_data
from lungfuse.init.draft import Draft, Files
from lungfuse.init.entry import checked_text, line_of, rendered, write_entry
from lungfuse.init.link import Sources, check_links, put_in_place, sources_of
from lungfuse.init.naming import raw_of, study_name
from lungfuse.init.places import places_named_in
from lungfuse.init.roles import UserRoles
from lungfuse.parameters import Several, Written, options
from lungfuse.plan.names import PARAMS
from lungfuse.settings.params import read_params
from lungfuse.sheets import Sniffed, sniffed


@options
class Labels:
    """What is predicted of a case.

    Parameters
    ----------
    label
        The column that is predicted from the others; several for several labels a case.
    positive
        Words of the positive class; all others are negative, unless they are named.
    negative
        Words of the negative class.
    missing
        Words that stand for nothing, beside those that usually do, such as ? and n/a; age=999 is one of a column alone.
    between
        What stands between the words of a cell of the label, where it holds several, such as |; none where each cell is
        one class.
    task
        What is asked of a column, where the guess is not to decide: classes, grades in an order, or a number.
    """

    label: Several[str] | None = None
    positive: Several[str] | None = None
    negative: Several[str] | None = None
    missing: Several[str] | None = None
    between: str | None = None
    task: Literal["multiclass", "ordinal", "regression"] | None = None


@options
class Columns:
    """Columns by their role, where the guess is not to decide; `none` for a role that no column has.

    Parameters
    ----------
    patient
        The column of patients, whose rows stay in one fold.
    patient_pattern
        The part of its cells that names the patient, as a regular expression, such as 'patient\\d+' in a path.
    same_numbers
        Whether 017, 17 and 17.0 are the same patient, as P-001 and p 001 are; where several are written,
        they are unless it is said.
    site
        The column of sites, such as hospitals.
    date
        The column of dates.
    image_column
        The column that names images; several where a case has an image of each.
    view
        The column of projections.
    text
        Columns of texts, the most important one first.
    group_by
        Columns whose equal values stay in one fold, such as a publication.
    same_texts
        Whether cases with the same text stay in one fold, together, or may be apart, as where texts are templates.
    split
        The column of a split of your own: the fold that tests a row, or train, val and test.
    leave_out
        Columns that no model may read.
    use
        Columns that models may read, though they would be left out.
    rows
        The rows that are read, as <column>=<word>, or none for all.
    """

    patient: str | None = None
    patient_pattern: str | None = None
    same_numbers: bool | None = None
    site: str | None = None
    date: str | None = None
    image_column: Several[str] | None = None
    view: str | None = None
    text: Several[str] | None = None
    group_by: Several[str] | None = None
    same_texts: Literal["together", "apart"] | None = None
    split: str | None = None
    leave_out: Several[str] | None = None
    use: Several[str] | None = None
    rows: Several[str] | None = None

    def said(self) -> UserRoles:
        return UserRoles(
            patient=self.patient, patient_pattern=self.patient_pattern, same_numbers=self.same_numbers, site=self.site,
            date=self.date, image=self.image_column, view=self.view, texts=self.text, group_by=self.group_by,
            left=self.leave_out or (), split=self.split, use=self.use or (), rows=self.rows,
        )  # fmt: skip


@options
class Place:
    """Where the study goes.

    Parameters
    ----------
    name
        What the study is called; after the table when not given.
    replace
        Replace the study of this name.
    copy
        Copy the files into the raw folder in place of linking them.
    check
        Run the data check at the end.
    params
        The file of settings.
    more_models
        Models beside the usual ones: kv-exchange and irene, which take long to train.
    """

    name: str | None = None
    replace: bool = False
    copy: bool = False
    check: bool = True
    params: Path = PARAMS
    more_models: Several[str] | None = None


NO_LABELS, NO_COLUMNS, USUAL_PLACE, AS_IT_LOOKS = Labels(), Columns(), Place(), Written()


def main(
    *,
    table: Path | None = None,
    images: Several[Path] | None = None,
    labels: Labels = NO_LABELS,
    columns: Columns = NO_COLUMNS,
    written: Written = AS_IT_LOOKS,
    place: Place = USUAL_PLACE,
) -> None:
    """Make a study of a table of cases, and of the images that it names.

    Parameters
    ----------
    table
        A CSV or Parquet file with a header and a row a case.
    images
        Folders or .zip files with the images that the table names.
    labels
        What is predicted of a case.
    columns
        Columns by their role.
    written
        How the table is written.
    place
        Where the study goes.
    """
    if table is None:
        raise UserError(
            "--table: not given. Expected a CSV or Parquet file with a row a case, as in --table cases.csv."
        )
    params = read_params(place.params)
    found = sniffed(table, **vars(written))
    form = found.form
    name = study_name(place.name, table, params.get("studies", {}), place.replace)
    sources = sources_of(raw_of(name, table), table, images or places_named_in(table, form))
    check_links(sources, place.replace)
    said = options_of(labels, columns, place.more_models or [])
    draft = drafted(name, sources, found, params["defaults"], said)
    entry = rendered(name, draft.entry, draft.comments)
    text = checked_text(place.params, name, entry, place.replace)
    put_in_place(sources, Path.cwd(), place.copy)
    write_entry(place.params, text)
    print(f"The study {name} is in {place.params}, from line {line_of(text, name)}; its files are in {sources.raw}.\n")
    print(draft.summary)
    if place.check:
        print("\nThe data check\n")
        print(checked_data(name, place.params))
    print(f"\nNext:\n\n    snakemake --cores 2 --config study={name}")


def options_of(labels: Labels, columns: Columns, more_models: Sequence[str] = ()) -> Options:
    """What a user says, as it is looked at."""
    words = [labels.label, labels.positive, labels.negative, labels.missing]
    return Options(
        *(each or [] for each in words), columns.said(), labels.between, columns.same_texts, more_models, labels.task
    )


def drafted(name: str, sources: Sources, found: Sniffed, defaults: dict[str, Any], said: Options) -> Draft:
    """The entry of a study, with the files where they are."""
    files = Files(sources.raw.name, sources.table, sources.images, *found)
    with TemporaryDirectory() as folder:
        sources.stage(Path(folder))
        try:
            return composed(name, files, Path(folder), defaults, said, on_terminal())
        except UserError as error:
            said = str(error).replace(f"{folder}/", f"{sources.raw}/")
            raise UserError(" ".join([said, *(f"Unsure: {each}." for each in found.unsure)])) from error
