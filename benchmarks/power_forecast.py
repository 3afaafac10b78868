"""Whether a pilot forecasts its study. Run: python benchmarks/power_forecast.py --study demo-full --csv
docs/results/benchmarks/power_forecast.csv

Of a study whose models have predicted all cases, a share of the groups is taken as if it were a pilot, several times.
Each time its verdicts forecast the width of the interval and the words at the full size; beside them stands what the
study found. The models are those of the study, so what they would have learned from fewer cases is left out.
"""

import argparse
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from lungfuse.analyses.verdict import in_words
from lungfuse.compare.cases_needed import seen_of
from lungfuse.compare.results import Compared, Results
from lungfuse.compare.verdicts import Scored, fusions, judge, scored
from lungfuse.plan.load import load_study
from lungfuse.plan.names import PARAMS
from lungfuse.settings.params import read_params
from lungfuse.statistics.gains import MIN_GROUPS, word
from lungfuse.statistics.power import Seen

WORDS = ["better", "equivalent", "worse", "inconclusive"]
CONFIDENCE = 0.95


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", required=True, help="a study whose models have predicted")
    parser.add_argument("--models", nargs="+", help="those that are compared; all of the study, if not given")
    parser.add_argument("--share", type=float, default=0.25, help="of the groups, that a pilot has")
    parser.add_argument("--pilots", type=int, default=20, help="how many are drawn")
    parser.add_argument("--csv", type=Path, help="write the table here")
    arguments = parser.parse_args()
    study = load_study(read_params(PARAMS) | {"study": arguments.study})[1]
    names, comparison = arguments.models or list(study.models), study.comparison
    results = Results(Compared(study=arguments.study, models=names, primary=comparison.primary))
    whole = forecasts(results.scored, comparison.margin)
    pilots = []
    for seed in range(arguments.pilots):
        pilot = taken(results, arguments.share, np.random.default_rng(seed))
        if pilot.effective_groups >= MIN_GROUPS:
            pilots.append(forecasts(pilot, comparison.margin, 1 / arguments.share))
    table = compared(whole, pilots)
    print(table.to_string(index=False))
    if arguments.csv:
        table.to_csv(arguments.csv, index=False, lineterminator="\n")


def taken(results: Results, share: float, rng: np.random.Generator) -> Scored:
    """The models of a study, scored on a share of its groups; fusions are chosen as in the study."""
    every = np.unique(results.joined[0]["group"])
    kept = set(rng.choice(every, round(share * len(every)), replace=False))
    joined = [each[each["group"].isin(kept)].reset_index(drop=True) for each in results.joined]
    metric = results.scored.metric
    return scored(results.task, results.names, results.models, joined, results.validated, metric)


def forecasts(found: Scored, margin: float, times: float = 1.0) -> dict[str, SimpleNamespace]:
    """What the verdict of each fusion would be with so many times the groups, and its word now."""
    judged = fusions(found)
    said = {}
    for fusion, gained in zip(judged, judge(found, judged, CONFIDENCE, seed=0), strict=True):
        seen: Seen = seen_of(found, fusion, gained)
        said[in_words(found.models[fusion.models[0]])] = SimpleNamespace(
            word=word(gained.low, gained.high, margin),
            gain=gained.value,
            width=float(seen.reach(times).sum()),
            words=seen.words(times, margin),
        )
    return said


def compared(whole: dict[str, SimpleNamespace], pilots: list[dict[str, SimpleNamespace]]) -> pd.DataFrame:
    """One row a fusion: the study, and the mean of what its pilots show and forecast.

    `width` is that of the interval of the study; `forecast_width` is the median of the pilots, and `width_within` the
    share of those that are within a third of it. `forecast` is the mean probability of the word that the study found,
    `likeliest` how often that was the likeliest word of a pilot.
    """
    rows = []
    for inputs, study in whole.items():
        each = [pilot[inputs] for pilot in pilots if inputs in pilot]
        widths = np.array([pilot.width for pilot in each])
        row = {"inputs": inputs, "word": study.word, "gain": study.gain, "width": study.width, "pilots": len(each)}
        row |= {"pilot_undecided": np.mean([pilot.word == "inconclusive" for pilot in each])}
        row |= {"pilot_gain_sd": np.std([pilot.gain for pilot in each])}
        row |= {"forecast_width": np.median(widths)}
        row |= {"width_within": np.mean(np.abs(np.log(widths / study.width)) < np.log(4 / 3))}
        row |= {"forecast": np.mean([pilot.words[study.word] for pilot in each])}
        row |= {"likeliest": np.mean([max(WORDS, key=pilot.words.get) == study.word for pilot in each])}
        rows.append(row)
    return pd.DataFrame(rows).round(4)


if __name__ == "__main__":
    main()
