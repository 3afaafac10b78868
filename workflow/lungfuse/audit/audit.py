"""The audit of a split and features: finds flaws, and measures what each is worth."""

from dataclasses import dataclass

import pandas as pd

from lungfuse.audit.alone import Alone, Scorer, columns_alone, gaps_alone
from lungfuse.audit.audited import Audited
from lungfuse.audit.flaws import Flaw, finding_of, flaws_of, rows_of
from lungfuse.audit.found import Found
from lungfuse.audit.model import matrix_of
from lungfuse.audit.predictors import findings_of
from lungfuse.audit.scores import Estimate
from lungfuse.audit.sound import of_table
from lungfuse.audit.worth import FEWEST, Trial, Worth
from lungfuse.tables.audit import AuditRows, AuditScores
from lungfuse.tables.base import columns
from lungfuse.words import counted

MOST_MEASURED = 6  # columns or gaps whose worth is measured, those that predict best


@dataclass(frozen=True)
class Audit:
    """What an audit found, the scores behind it, the rows, and the AUROC of its model on the split as it is."""

    found: list[Found]
    scores: pd.DataFrame
    rows: pd.DataFrame
    as_given: Estimate


def audit(data: Audited, trial: Trial) -> Audit:
    """Audit a table whose images have been read."""
    flaws = flaws_of(data)
    of_flaws = [finding_of(flaw, data) for flaw in flaws]
    alone, of_columns, as_given = [], [], Estimate()
    if data.outcomes is not None:
        scorer = Scorer(data, trial.resamples, trial.seed)
        alone = [*columns_alone(scorer), *gaps_alone(scorer)]
        of_columns = list(findings_of(alone, data))
        worth = Worth(data, matrix_of(data), trial)
        refusal = worth.refusal()
        if not refusal:
            as_given = worth.as_given()
        of_flaws = [_with_worth(found, flaw, worth, refusal) for found, flaw in zip(of_flaws, flaws, strict=True)]
        of_columns = _columns_with_worth(of_columns, data, worth, refusal)
    rows = pd.DataFrame(rows_of(flaws), columns=columns(AuditRows))
    return Audit([*of_flaws, *of_columns, *of_table(data)], _scores(alone), rows, as_given)


def _with_worth(found: Found, flaw: Flaw, worth: Worth, refusal: str) -> Found:
    if not found.count:
        return found
    if refusal or found.count < FEWEST:
        return found.unmeasured(refusal or f"{counted(found.count, 'test row')} cannot show it")
    return found.measured(*worth.of_flaw(flaw), "the training rows that share it")


def _columns_with_worth(found: list[Found], data: Audited, worth: Worth, refusal: str) -> list[Found]:
    """Findings with what a model that reads the column gains by it."""
    done, measured = [], 0
    for each in found:
        if each.severity == "note" or each.kind not in ("column", "gap", "gaps", "text"):
            done.append(each)
        elif refusal or measured == MOST_MEASURED:
            done.append(each.unmeasured(refusal or f"that of the {MOST_MEASURED} that predict best was"))
        else:
            of_gap = each.kind in ("gap", "gaps")
            columns = set(each.columns) if of_gap else {each.subject}
            done.append(each.measured(*worth.of_columns(columns, of_gap), "the gap" if of_gap else "it"))
            measured += 1
    return done


def _scores(alone: list[Alone]) -> pd.DataFrame:
    """The table `AuditScores`."""
    rows = [
        (each.kind, each.subject, label, each.n, *estimate)
        for each in alone
        for label, estimate in each.of_label.items()
    ]
    return pd.DataFrame(rows, columns=columns(AuditScores)).round(4)
