"""One input shuffled among the test pairs, in trained models of every kind."""

from contextlib import chdir

import numpy as np
import pandas as pd
import pytest
from small_study import LAYOUT, run_stage

from lungfuse.errors import UserError
from lungfuse.predict import permuted
from lungfuse.predict.permute import PERMUTATIONS, check_scores

READS = {
    "early": ["image", "text"],
    "irene": ["image", "text", "structured"],
    "linear-probe": ["image", "text"],
    "linear": ["image", "text", "structured"],
    "late-stacked": ["image", "text", "structured"],
}


def shuffled(study, name: str) -> pd.DataFrame:
    """The table of a model, which is trained in all folds."""
    study.model(name)
    with chdir(study.small.folder):
        run_stage("permute", {"model": LAYOUT.model(name)})
        return pd.read_csv(LAYOUT.permuted(name), keep_default_na=False)


@pytest.mark.parametrize("name", READS)
def test_a_shuffled_input_gives_each_pair_that_of_another_and_all_else_is_its_own(study, name):
    """As if a case came with the image, the text or the values of another one."""
    table = shuffled(study, name)
    assert table["modality"].unique().tolist() == ["", *READS[name]]
    assert len(table) == 60 * (1 + PERMUTATIONS * len(READS[name]))
    cases, of_fold = study.cases(), table[table["fold"] == 0]
    order = np.random.default_rng([study.config(name).seed, 0]).permutation(len(cases))
    columns = {"image": ["image"], "text": ["text"], "structured": ["age", "sex"]}
    for modality in ["", *READS[name]]:
        known = of_fold[(of_fold["modality"] == modality) & (of_fold["permutation"] == bool(modality))]
        changed = {column: cases[column].to_numpy()[order] for column in columns.get(modality, [])}
        expected = study.predict(name, cases.assign(**changed))["score"]
        np.testing.assert_allclose(known.set_index("pair_id")["score"].loc[cases["id"]], expected, atol=2e-3)


def test_no_encoder_reads_a_pair_twice(study, monkeypatch):
    counts = []
    encode = permuted.encode
    monkeypatch.setattr(permuted, "encode", lambda *given: counts.append(given[2]) or encode(*given))
    shuffled(study, "early")
    assert sum(counts) == 2 * 60, "every image and every text once, in the fold that tests it"


def test_predictions_of_another_training_are_reported(tmp_path):
    ids, scores = pd.Series(["P1", "P2"]), np.array([[0.5], [0.25]])
    check_scores(scores, scores + 1e-4, ids, tmp_path / "early.csv")
    with pytest.raises(UserError, match=r"early\.csv: found the score \[0\.3\] of the pair P2, .* gives it \[0\.25\]"):
        check_scores(scores, np.array([[0.5], [0.3]]), ids, tmp_path / "early.csv")
