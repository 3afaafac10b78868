"""Random tables become a study in which each row is a case or is counted as left out, or end in one clear message.

LUNGFUSE_FUZZ=300 tries so many seeds in place of twenty.
"""

import os

import pytest
from fuzzed_tables import write
from odd_tables import init, new_place

from lungfuse.errors import UserError
from lungfuse.init.cases import cases_of
from lungfuse.init.data_check import checked_data

FOUND = [20, 37, 42, 22, 3]  # seeds that have found a fault: 1611.0 is no date, ++ is a grade, five short words a text
SEEDS = [*FOUND, *range(int(os.environ.get("LUNGFUSE_FUZZ", "20")))]
CHECKED = 5  # each so many seeds with the data check, which takes longer


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_table_loses_nothing_without_a_count(seed, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(new_place(tmp_path))
    table = write(tmp_path, seed)
    try:
        found = init(table.path, label=[table.label])
    except UserError as error:
        assert min(table.counts) < 12, f"{table.about}: {error}"
        return
    said = capsys.readouterr().out
    cases = cases_of(found.study, tmp_path / "data/raw" / found.study.raw)
    assert cases.total == table.rows == len(cases.pairs) + sum(cases.left_out.values()), table.about
    assert f"{table.rows:,}" in said.split("rows ")[1].splitlines()[0]
    labels = cases.labels
    several = len(labels.columns) > 1
    counts = [int(((labels[name] == "yes") if several else (labels[""] == name)).sum()) for name in cases.task.labels]
    assert sorted(counts) == sorted(table.counts) or "too few" in found.comments, (counts, table)
    crp = next((name for name, each in found.table.columns.items() if each.column == "CRP (mg/l)"), None)
    assert crp and found.values[crp].astype(float).tolist() == table.crp, table.about
    assert table.note in [text.column for text in found.table.texts.values()], table.about
    if table.patients is not None:
        assert cases.pairs["group"].nunique() <= table.patients, table.about
    assert "CRP (mg/l)" in [found.table.columns[name].column for name in found.inputs] or "no input" in said, (
        table.about
    )
    if seed % CHECKED == 0:
        assert checked_data("odd", tmp_path / "params.yaml").startswith("Data check of odd:")
