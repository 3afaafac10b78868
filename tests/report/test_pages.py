import pandas as pd
from small_comparison import BINARY
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from lungfuse.report.cards import cut_texts
from lungfuse.report.layout import markdown
from lungfuse.report.pages import flat, run_times


def test_the_data_card_counts_the_texts_that_the_encoder_cuts_by_class(pairs, studies, tmp_path):
    words = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    words.pre_tokenizer = Whitespace()
    words.save(str(tmp_path / "tokenizer.json"))
    long = (pairs["label"] == 1) & (pairs.index < 20)
    pairs = pairs.assign(findings=long.map({True: "word " * 80, False: "two words"}))
    (row,) = cut_texts(studies["demo"], BINARY, pairs, ["findings"], tmp_path / "tokenizer.json").to_dict("records")
    lost = 16 * long.sum() / (80 * long.sum() + 2 * (~long).sum())  # bert-tiny reads 64 tokens
    assert row == {
        "section": "findings", "most tokens": 80, "normal cut": 0, "lung cut": long.sum(), "tokens lost": f"{lost:.2%}"
    }  # fmt: skip


def test_run_times_are_those_of_the_benchmarks(tmp_path):
    (tmp_path / "logs/train").mkdir(parents=True)
    for fold, seconds in enumerate([10, 30]):
        (tmp_path / f"logs/train/text_fold{fold}.benchmark.tsv").write_text(f"s\n{seconds}\n")
        log = f"epoch 0\ntook 9.0 s of processor time and {500 + fold} MB at most\n"
        (tmp_path / f"logs/train/text_fold{fold}.log").write_text(log)
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
