"""The one door to trained rows of every kind, task and modalities."""

import numpy as np
import pandas as pd
import pytest

KINDS = ["majority", "tfidf", "logistic", "boosting", "probe", "image", "structured", "early", "irene"]
KINDS += ["without-text", "kv-exchange", "late-stacked"]
TASKS = ["binary", "multiclass", "multilabel"]


def predicted(predictor, cases) -> pd.DataFrame:
    return pd.concat(predictor.predict(cases)).set_index("id")


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("row", KINDS)
def test_a_case_of_the_test_fold_gets_the_score_that_the_table_rests_on(trained, task, row):
    study = trained(task)
    predictor, known = study.predictor(row), study.scores(row)
    cases, read = study.cases(), [column.name for column in predictor.columns]
    found = predicted(predictor, cases[(cases[read] != "").any(axis=1)] if read else cases)
    columns = predictor.task.columns("score")
    np.testing.assert_allclose(found[columns], known.loc[found.index, columns], atol=1e-5)
