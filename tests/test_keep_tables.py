"""Tables that are kept come with what they were made from."""

from pathlib import Path

import pandas as pd
import pytest
from keep_tables import keep

from lungfuse.analyses.provenance import compute
from lungfuse.errors import UserError
from lungfuse.plan.plan import Plan
from lungfuse.tables.base import read_table, write_table
from lungfuse.tables.comparison import Provenance

KEPT = Path("docs/results/tb")


@pytest.fixture
def plan(studies, tmp_path, monkeypatch):
    """The study tb, whose tables are there and say their names."""
    monkeypatch.chdir(tmp_path)
    plan = Plan("tb", studies["tb"])
    for table in plan.score_tables:
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text(table.name)
    write_provenance(plan)
    return plan


def write_provenance(plan: Plan) -> None:
    write_table(compute("tb", [], plan.score_tables, [], []), plan.layout.table("provenance"), Provenance)


def test_a_kept_table_has_its_digest_beside_it(plan):
    kept = keep(plan, KEPT)
    known = read_table(KEPT / "provenance.csv", Provenance).query("what == 'table'")
    assert {path.name for path in kept} == {*known["name"], "provenance.csv"}
    assert {"comparison.csv", "funnel.csv", "segmentation.csv", "sites.csv"} <= {*known["name"]}
    assert (KEPT / "sites.csv").read_text() == "sites.csv"


def test_what_is_known_of_tables_made_in_another_way_stays(plan):
    KEPT.mkdir(parents=True)
    (KEPT / "by_hand.csv").write_text("a\n1\n")
    rows = [["command", "by_hand.csv", "python benchmarks/by_hand.py", ""], ["table", "by_hand.csv", "4 bytes", "ab"]]
    rows += [["commit", "sites.csv", "an older one", ""], ["command", "", "an older one", ""]]
    write_table(pd.DataFrame(rows, columns=["what", "name", "value", "sha256"]), KEPT / "provenance.csv", Provenance)
    keep(plan, KEPT)
    known = read_table(KEPT / "provenance.csv", Provenance)
    assert known[known["name"] == "by_hand.csv"].to_numpy().tolist() == rows[:2]
    assert "an older one" not in set(known["value"])


def test_a_table_that_is_younger_than_its_provenance_is_not_kept(plan):
    plan.layout.table("sites").write_text("another one")
    with pytest.raises(
        UserError, match=r"provenance\.csv: is not of results/tb/sites\.csv, made at another time\. Run"
    ):
        keep(plan, KEPT)
    assert not KEPT.exists()
    plan.layout.table("sites").unlink()
    with pytest.raises(UserError, match=r"results/tb/sites\.csv: not found\. Run the study first"):
        keep(plan, KEPT)
