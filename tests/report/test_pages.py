import re

import pandas as pd
import pytest
from small_comparison import BINARY, MODELS
from small_study import run_stage
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from lungfuse.report.cards import cut_texts, markdown
from lungfuse.report.pages import flat, run_times


@pytest.fixture
def study(studies):
    rows = {"majority": MODELS[0], "tfidf": MODELS[1], "tfidf_indication": MODELS[2]}
    return studies["demo"].model_copy(update={"models": rows})


@pytest.fixture
def written(tables, more_tables, study, tmp_path):
    """The folder in which the pages of the small study are."""
    folder = tables["pairs"].parent
    (tmp_path / "logs/train").mkdir(parents=True)
    for fold, seconds in enumerate([10, 30]):
        (tmp_path / f"logs/train/text_fold{fold}.benchmark.tsv").write_text(f"s\n{seconds}\n")
        log = f"epoch 0\ntook 9.0 s of processor time and {500 + fold} MB at most\n"
        (tmp_path / f"logs/train/text_fold{fold}.log").write_text(log)
    run_stage("pages",
        title="demo", settings=study, **tables, **more_tables, logs=tmp_path / "logs", rejected=folder / "rejected.csv",
        comparison_page=folder / "comparison.md", check_page=folder / "data_check.md",
        data_card=tmp_path / "data_card.md", model_card=tmp_path / "model_card.md", pages=tmp_path / "pages",
    )  # fmt: skip
    return tmp_path


def test_the_data_card_says_what_the_data_are_and_are_not(written, pairs):
    card = (written / "data_card.md").read_text()
    assert "**Drawn images, not patients.**" in card
    for said in ["Demner-Fushman", "CC BY-NC-ND 4.0", "Known biases", "Not for diagnosis", "is broken"]:
        assert said in card
    assert f"{(pairs['label'] == 0).sum()} normal, {(pairs['label'] == 1).sum()} lung" in card
    assert re.search(r"findings +\| +0 +\| +4", card), "no findings are empty, the shortest has four words"
    assert re.search(r"Here +\| +\d+", card), "pairs by site"


def test_the_data_card_counts_the_texts_that_the_encoder_cuts_by_class(pairs, study, tmp_path):
    words = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    words.pre_tokenizer = Whitespace()
    words.save(str(tmp_path / "tokenizer.json"))
    long = (pairs["label"] == 1) & (pairs.index < 20)
    pairs = pairs.assign(findings=long.map({True: "word " * 80, False: "two words"}))
    (row,) = cut_texts(study, BINARY, pairs, ["findings"], tmp_path / "tokenizer.json").to_dict("records")
    lost = 16 * long.sum() / (80 * long.sum() + 2 * (~long).sum())  # bert-tiny reads 64 tokens
    assert row == {
        "section": "findings", "most tokens": 80, "normal cut": 0, "lung cut": long.sum(), "tokens lost": f"{lost:.2%}"
    }  # fmt: skip


def test_the_model_card_has_the_scores_and_what_they_are_not_for(written):
    card = (written / "model_card.md").read_text()
    assert re.search(r"tfidf +\| 0\.950 \(0\.\d+-[01]\.\d+\)", card)
    for said in ["Brier", "text alone", "-10.0 (-20.0 to -5.0)", "At each site", "Not for diagnosis"]:
        assert said in card
    assert "scikit-learn" in card, "no row is trained by gradient descent"


def test_every_table_becomes_a_page_that_bears_the_notice(written):
    pages = {path.stem: path.read_text() for path in (written / "pages").iterdir()}
    tables = {
        "ablations", "calibration", "segmentation", "cnn_comparison", "leakage", "missing", "sites", "words",
        "shortcuts",
    }  # fmt: skip
    assert set(pages) == tables | {"comparison", "data_check", "data_card", "model_card", "settings", "run_times"}
    assert [name for name, page in pages.items() if "drawn" not in page.lower()] == []
    assert [name for name, page in pages.items() if not re.search(r"<h1>.+</h1>.*<td", page, re.S)] == []
    assert "is broken | twice" in pages["data_card"], "a bar in a cell is no new column"


def test_run_times_are_those_of_the_benchmarks(written, tmp_path):
    (row,) = run_times(tmp_path / "logs").to_dict("records")
    assert (row["rule"], row["jobs"], row["mean_seconds"], row["longest"], row["peak_mb"]) == ("train", 2, 20, 30, 501)
    assert run_times(tmp_path / "nowhere").empty, "jobs that ran elsewhere"


def test_settings_are_shown_by_their_dotted_keys():
    table = flat({"train": {"epochs": 3, "augment": {}}, "notice": ""})
    assert table.to_dict("records") == [
        {"setting": "train.epochs", "value": "3"},
        {"setting": "train.augment", "value": "{}"},
        {"setting": "notice", "value": '""'},
    ]


def test_missing_values_of_a_table_are_empty():
    assert "nan" not in markdown(pd.DataFrame({"p": [0.5, None]}))
