"""Which words the packaged text encoder knows, and what is said of a table in another language."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from odd_tables import cases, init, new_place

from lungfuse.check.findings.language import findings
from lungfuse.encoders.packaged import unknown_share
from lungfuse.init.rows import Inputs, rows_of

GERMAN = ["Die Lunge ist frei belüftet.", "Kein Pleuraerguss, Zwerchfell glatt begrenzt.", "Herz nicht vergrößert."]


@pytest.mark.parametrize(
    "text",
    [
        GERMAN[1],
        "Pulmones bien expandidos, sin derrame pleural ni consolidación.",
        "Лёгкие без очаговых и инфильтративных изменений",
        "两肺纹理清晰",
        "الرئتان صافيتان بدون انصباب",
    ],
)
def test_words_of_other_languages_are_unknown(text):
    assert unknown_share([text]) > 0.4


def test_words_of_english_are_known_and_numbers_are_no_words():
    assert unknown_share(["The lungs are clear. The heart is normal.", "12 345"]) == 0
    assert unknown_share(["12 345", ""]) == 0


def test_what_is_said_of_english_is_nothing():
    assert "tfidf_characters" not in rows_of(Inputs(False, ["note"], [], 500)).models


def test_a_table_in_another_language_gets_a_model_that_counts_characters(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(new_place(tmp_path / "project"))
    notes = [f"{GERMAN[n % 3]} {GERMAN[n * 7 % 3]} Aufnahme {n}." for n in np.arange(60)]
    table: pd.DataFrame = cases().drop(columns="file").assign(note=notes)
    table.to_csv("cases.csv", index=False)
    made = init(Path("cases.csv"), same_texts="apart")
    assert made.study.models["tfidf_characters"].settings == {"words": [1, 1], "characters": [2, 5]}
    assert "of the words of note are unknown to the packaged text encoder" in capsys.readouterr().out
    cases_of_table = SimpleNamespace(cases=table, read=lambda modality: ["note"] if modality == "text" else [])
    (finding,) = findings(cases_of_table)
    assert (finding.severity, finding.subject) == ("warning", "note")
