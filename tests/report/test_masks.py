import pandas as pd

from lungfuse.report.masks import by_plausibility


def test_suspicious_masks_come_last_and_usual_ones_first():
    quality = pd.DataFrame(
        {"area": [0.5, 0.3, 0.31, 0.3], "asymmetry": 0.1, "components": 2, "suspicious": ["", "", "", "is too small"]},
        index=["large", "usual", "near", "bad"],
    )
    ordered = list(by_plausibility(quality).index)
    assert ordered[-1] == "bad"
    assert ordered.index("large") > ordered.index("near")
