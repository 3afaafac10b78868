"""Explain what a trained model makes of new cases."""

from pathlib import Path

from lungfuse.new_cases.asked import NOTHING, check_asked, read_asked
from lungfuse.new_cases.pictures import ALL, Pictures
from lungfuse.new_cases.unreadable import readable, with_way_out
from lungfuse.parameters import AskedCases, Explaining
from lungfuse.predict.predictor import Predictor
from lungfuse.processor import keep_freed_memory


def main(*, model: Path, asked: AskedCases = NOTHING, explaining: Explaining = ALL, out: Path) -> None:
    """Show what in a case, or in each of many, a trained model decides by.

    The picture of a case shows its image, words and columns, coloured by what they add to the score, and how much each
    modality decided; the mean over the models of the folds. The number of the study's checks that a
    method has passed with this model is next to its name.

    Parameters
    ----------
    model
        Folder of a trained model, such as results/demo/models/kv-exchange, or of one of its folds.
    asked
        The cases.
    explaining
        How they are explained.
    out
        Output: folder with explanation.svg and explanation.json; of many cases, a folder for each.
    """
    keep_freed_memory()
    check_asked([model], asked)
    predictor = Predictor(model)
    (cases,) = readable(asked, [read_asked(asked, predictor)], [predictor])
    pictures = Pictures(predictor, explaining, out, cases["id"])
    with with_way_out(asked):
        for predicted in pictures.predicted(cases):
            print(*map(pictures.file, predicted["id"]), sep="\n", flush=True)
