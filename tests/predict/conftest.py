"""What the tests of prediction share."""

import pandas as pd
import pytest

from lungfuse.stages import call


@pytest.fixture(scope="session")
def study(trained):
    """The trained study of two classes."""
    return trained()


@pytest.fixture
def run(study, tmp_path):
    """Predict with a model of both inputs, and return the predictions."""

    def predicted(**changes) -> pd.DataFrame:
        given = {"model": study.fold("early"), "out": tmp_path / "out.csv"} | changes
        call("predict", given)
        return pd.read_csv(given["out"]).set_index("id")

    return predicted
