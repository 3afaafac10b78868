"""The command of a user: audit somebody else's split and features, given as a table."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lungfuse.audit.audit import audit
from lungfuse.audit.audited import Named, read_audited
from lungfuse.audit.found import table_of
from lungfuse.audit.look import with_images
from lungfuse.audit.page import as_page, for_terminal
from lungfuse.audit.worth import Trial
from lungfuse.errors import UserError
from lungfuse.files import atomic_write, check_writable
from lungfuse.parameters import Several, Written, options
from lungfuse.plan.load import load_studies
from lungfuse.plan.names import PARAMS
from lungfuse.settings.params import read_params
from lungfuse.settings.table import TableSettings
from lungfuse.tables.audit import AuditFindings, AuditRows, AuditScores
from lungfuse.tables.base import write_table
from lungfuse.tables.check import SEVERITIES

Groups = Annotated[list[str], Parameter(name=("--group", "--lesion"), consume_multiple=True)]


@options
class Labels:
    """What is to be predicted.

    Parameters
    ----------
    label
        The column that is to be predicted; several for several labels a row. Guessed by its name when not given.
    positive
        Words of the positive class; all others are negative. Without them each word is a class.
    missing
        Words that mean a missing value, beside those that usually do, such as ? and n/a.
    """

    label: Several[str] | None = None
    positive: Several[str] | None = None
    missing: Several[str] | None = None


@options
class Columns:
    """Columns by their role, where the guess is not to decide; `none` for a role that no column has.

    Parameters
    ----------
    patient
        The column of patients.
    group
        Columns whose equal values belong on one side, such as lesions or examinations.
    image
        The column that names images.
    images
        Folders or .zip files with the images.
    text
        Columns of texts.
    features
        Columns that the model reads; all that could be an input when not given.
    encoder
        A pretrained encoder by which the model reads images, such as efficientnet-lite0; thumbnails when not given.
    """

    patient: str | None = None
    group: Groups | None = None
    image: str | None = None
    images: Several[Path] | None = None
    text: Several[str] | None = None
    features: Several[str] | None = None
    encoder: str | None = None


@options
class Effort:
    """How thoroughly worth is measured.

    Parameters
    ----------
    draws
        How often each control is drawn and trained anew.
    resamples
        Resamples behind each interval.
    seed
        Seed of all that is drawn.
    """

    draws: int = 5
    resamples: int = 1000
    seed: int = 0


NO_LABELS, NO_COLUMNS, USUAL, AS_IT_LOOKS = Labels(), Columns(), Effort(), Written()


def mapping_of(study: str) -> TableSettings:
    """The mapping of a study of a table.

    Raises:
        UserError: there is no such study, or its dataset is another one.
    """
    found = load_studies(read_params(PARAMS))
    if study not in found or found[study].table is None:
        tables = [name for name, each in found.items() if each.table is not None]
        raise UserError(
            f"--study: found {study!r}, expected a study of a table: {', '.join(tables) or 'there is none'}."
        )
    return found[study].table


def main(
    *,
    table: Path,
    split: str,
    labels: Labels = NO_LABELS,
    columns: Columns = NO_COLUMNS,
    written: Written = AS_IT_LOOKS,
    study: str | None = None,
    out: Path = Path("audit"),
    effort: Effort = USUAL,
) -> None:
    """Audit somebody else's split and features; fail where a finding makes scores on it meaningless.

    Parameters
    ----------
    table
        A CSV or Parquet file with a header and a row a case.
    split
        The column that says train, val and test, or the fold in which a row is tested.
    labels
        What is to be predicted.
    columns
        Columns by their role.
    written
        How the table is written.
    study
        The study whose mapping the table is read by: how it is written, words for missing values, the patient.
    out
        Folder for audit.csv, audit.md, audit_scores.csv and audit_rows.csv.
    effort
        How thoroughly worth is measured.
    """
    for name, value, least in [("draws", effort.draws, 1), ("resamples", effort.resamples, 100)]:
        if value < least:
            raise UserError(f"--{name}: found {value}, expected {least} or more.")
    check_writable(out / "audit.csv")
    named = Named(
        table, split, labels.label or (), labels.positive or (), labels.missing or (), columns.patient, columns.group,
        columns.image, columns.images or (), columns.text, columns.features, vars(written),
        mapping_of(study) if study else None,
    )  # fmt: skip
    data = with_images(read_audited(named), columns.encoder)
    done = audit(data, Trial(effort.draws, effort.resamples, effort.seed))
    findings = table_of(done.found)
    write_table(findings, out / "audit.csv", AuditFindings)
    write_table(done.scores, out / "audit_scores.csv", AuditScores)
    write_table(done.rows, out / "audit_rows.csv", AuditRows)
    with atomic_write(out / "audit.md") as stream:
        stream.write(as_page(data, done, findings))
    print(f"{for_terminal(data, done, findings)}\nAlso in {out / 'audit.md'}.", flush=True)
    if (findings["severity"] == SEVERITIES[0]).any():
        sys.exit(1)
