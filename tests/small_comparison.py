"""Three models on eighty pairs: one at chance, one good, one between."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lungfuse.compare.compare import compare, join_predictions
from lungfuse.compare.own_text import with_own_text
from lungfuse.settings.comparison import ComparisonSettings
from lungfuse.settings.rows import Row

MODELS = [Row(model="majority"), Row(model="tfidf", text="findings"), Row(model="tfidf", text="indication")]
WRONG = [40, 4, 38]


@pytest.fixture
def settings():
    published = [{"images": "", "text": "findings", "accuracy": 0.88, "basis": "78 reports"}]
    return ComparisonSettings(confidence=0.95, resamples=200, timings=True, published=published)


@pytest.fixture
def pairs():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"pair_id": [f"P{n}" for n in range(80)], "fold": np.arange(80) % 4, "group": np.arange(80) // 2}
    )
    frame = frame.assign(report_id=frame["pair_id"], label=rng.integers(0, 2, 80), text="", comparison="")
    said = {section: [f"{section} {n % 39}" for n in range(80)] for section in ["findings", "impression"]}
    return frame.assign(**said, indication=frame["pair_id"])


NAMES = ["majority", "tfidf", "tfidf_indication"]
VALIDATED = [0.5, 0.95, 0.55]


@pytest.fixture
def predictions(pairs):
    """Predictions that miss the first pairs, as many as asked for."""

    def wrong(count: int) -> pd.DataFrame:
        prediction = pairs["label"].where(pairs.index >= count, 1 - pairs["label"])
        score = prediction * 0.8 + 0.1
        return pairs[["pair_id", "fold", "label"]].assign(
            score=score, prediction=prediction, probability=score, repeat=0
        )

    return wrong


@pytest.fixture
def table(pairs, predictions, settings):
    joined = [join_predictions(pairs, predictions(wrong), Path("p.csv")) for wrong in WRONG]
    scored = compare(NAMES, MODELS, joined, VALIDATED, settings, seed=0)
    return with_own_text(scored, MODELS, pairs, joined)
