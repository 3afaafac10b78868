"""Numbers in the README and in docs/results.md are those of the tables under docs/results/."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import verdict
from conftest import ROOT

from lungfuse.files import sha256
from lungfuse.tables.base import read_table
from lungfuse.tables.comparison import Provenance

RESULTS = ROOT / "docs/results"
SHARE = r"(?:0?\.\d{3}|1\.000)"
INTERVAL = re.compile(rf"({SHARE}) \(({SHARE})-({SHARE})\)")
POINTS = re.compile(r"([+-]\d+\.\d) \(([+-]\d+\.\d) to ([+-]\d+\.\d)\)")
TABLE = re.compile(r"docs/results/[\w/-]+\.csv")


def numbers_of(table: Path) -> set[str]:
    """Every value of a table with its limits as docs write it: .863 (.835-.891), or in points +2.9 (+2.0 to +3.9)."""
    frame, known = pd.read_csv(table), set()
    columns = [
        [name.removesuffix("_low"), name, f"{name.removesuffix('_low')}_high"] for name in frame if "_low" in name
    ]
    columns += [["value", "low", "high"]] if "low" in frame else []
    for measure in columns:
        for values in frame[measure].dropna().to_numpy():
            known.add("{} ({}-{})".format(*(f"{value:.3f}".removeprefix("0") for value in values)))
            known.add("{:+.1f} ({:+.1f} to {:+.1f})".format(*(100 * values)))
    return known


def sections(page: Path) -> list[str]:
    return re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.M)


def said_in(text: str) -> list[str]:
    intervals = ["{} ({}-{})".format(*(value.removeprefix("0") for value in found)) for found in INTERVAL.findall(text)]
    return intervals + ["{} ({} to {})".format(*found) for found in POINTS.findall(text)]


@pytest.mark.parametrize("page", ["README.md", "docs/results.md", "docs/comparison.md"])
def test_each_interval_of_a_section_stands_in_a_table_that_it_names(page):
    checked = 0
    for section in sections(ROOT / page):
        tables = [ROOT / name for name in TABLE.findall(section)]
        if not tables:
            continue
        known = set.union(*map(numbers_of, tables))
        wrong = [said for said in said_in(section) if said not in known]
        assert wrong == [], f"{page}, {section.splitlines()[0]}: not in {', '.join(table.name for table in tables)}"
        checked += len(said_in(section))
    assert checked or page == "docs/comparison.md"


def test_an_interval_of_no_table_is_seen(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("accuracy,accuracy_low,accuracy_high\n0.8634,0.8351,0.8912\n")
    assert ".863 (.835-.891)" in numbers_of(table) and ".863 (.835-.892)" not in numbers_of(table)
    assert said_in("it is .863 (.835-.892), so +2.9 (-0.1 to +3.9)") == [".863 (.835-.892)", "+2.9 (-0.1 to +3.9)"]


def test_the_readme_has_the_verdict_of_every_study_whose_tables_are_kept():
    table, readme = verdict.verdicts(RESULTS), (ROOT / "README.md").read_text(encoding="utf-8")
    kept = {path.parent.name for path in RESULTS.glob("*/verdict.csv") if len(path.read_text().splitlines()) > 1}
    assert set(table["study"]) == kept, "a check for leaks has no verdict"
    assert verdict.in_readme(table, readme) == readme, "python workflow/scripts/verdict.py writes it anew"
    assert verdict.in_readme(table[table["study"] != "pad"], readme) != readme


@pytest.mark.parametrize("folder", sorted(RESULTS.iterdir()), ids=lambda folder: folder.name)
def test_each_kept_table_says_what_it_was_made_from(folder):
    """Where something was not recorded, it says so."""
    known = read_table(folder / "provenance.csv", Provenance)
    kinds = set(known["what"])
    assert {"command", "commit", "version", "machine", "table"} <= kinds and kinds & {"raw file", "raw folder"}
    assert (known["value"] != "").all()
    digests = known[known["what"] == "table"].set_index("name")["sha256"].to_dict()
    assert digests == {path.name: sha256(path) for path in folder.glob("*.csv") if path.name != "provenance.csv"}
    commits = known[known["what"] == "commit"]
    assert commits["value"].str.fullmatch(r"(not recorded|[0-9a-f]{40})\b.*").all()
    assert "" in set(commits["name"]) or set(commits["name"]) == set(digests), "one for all, or for each table its own"


def test_verdicts_of_many_studies_are_one_family_for_the_reader_of_the_readme():
    """The example of Holm's paper has the form p(1) * 4, p(2) * 3, ..."""
    np.testing.assert_allclose(verdict.holm(pd.Series([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    rows = {"study": ["a", "b", "demo"], "inputs": ["image + age, sex, days, pulse"] * 3, "word": ["better"] * 3}
    table = pd.DataFrame(rows | {"p_corrected": [0.01, 0.06, 0.0]})
    said = verdict.over_all_studies(table)
    assert said == "As one family of 2, of 2 studies: a: image + 4 columns (better)."


def test_studies_that_are_shown_and_not_counted_are_named_by_the_protocol(studies):
    protocol = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")
    assert {study for study in verdict.SHOWN_ALONE if study in protocol and study in studies} == verdict.SHOWN_ALONE
    rows = {"study": ["a", "pad-gaps"], "inputs": ["image + age"] * 2, "word": ["inconclusive", "better"]}
    assert verdict.over_all_studies(pd.DataFrame(rows | {"p_corrected": [0.2, 0.001]})) == (
        "As one family of 1, of 1 studies: none."
    )


WORDS = re.compile(r"\*\*(better|worse|equivalent|inconclusive)\*\*")


def test_no_page_claims_more_than_the_four_words():
    """A verdict in bold stands in a line of the README's table, or with its study and inputs in docs/results.md."""
    assert len(WORDS.findall((ROOT / "README.md").read_text())) == len(verdict.verdicts(RESULTS))
