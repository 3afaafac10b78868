"""Where the relevance of the demo's networks lies, on newly drawn cases whose evidence is known, and why no more.

Run in a project whose demo is finished: python benchmarks/known_evidence.py --csv
docs/results/benchmarks/known_evidence.csv

None of the cases is in the demo. Explained are those whose class is predicted and has, or lacks, its sign: for lung
disease the sign itself, for normal the same place or the sentence on the lungs. A neutral image is grey, as in the
study, or the mean of the others. Beside it stands what the logit of `image` changes when a normal chest gets the pixels
of the same chest with a sign, in the places of the evidence alone or in all others alone, as a share of both together.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from lungfuse.demo.chest import EXTREMES, draw_frontal
from lungfuse.demo.draw import PX
from lungfuse.demo.evidence import CLASSES, draw_evidence
from lungfuse.demo.wording import NO_SIGN, SIGN, write_report
from lungfuse.predict.predictor import Predictor
from lungfuse.relevance.folds import FoldCases, batch_cases
from lungfuse.relevance.measures.inside import share
from lungfuse.relevance.methods import method, method_names
from lungfuse.relevance.network import ExplainedNetwork
from lungfuse.relevance.places import at_size

MODELS = Path("results/demo/models")
OF_LUNGS = [*NO_SIGN, *(sentence for kind in SIGN.values() for sentence in kind)]
AT_ONCE, SEED, SURE = 16, 4711, 1e-6


class MeanImage(ExplainedNetwork):
    """A network whose neutral image is the mean of those that it is given."""

    def neutral(self, case):
        image = case.entries["image"]
        return {"image": image.mean(0, keepdim=True).expand_as(image)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=48)
    parser.add_argument("--folds", type=int, default=2, help="whose networks explain the cases")
    parser.add_argument("--csv", type=Path, help="write the table here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        cases, masks = drawn(arguments.cases, Path(folder))
        pairs = swapped(arguments.cases // 2, Path(folder))
        rows = []
        for fold in range(arguments.folds):
            rows += [row for name in ["image", "text"] for row in shares(name, fold, cases, masks)]
            rows += changes(fold, pairs)
    keys = ["model", "what", "neutral", "class"]
    found = pd.DataFrame(rows).groupby(keys, sort=False).agg(share=("share", "mean"), n=("share", "size"))
    found = found.reset_index().round(3)
    print(found.to_markdown(index=False))
    if arguments.csv:
        found.to_csv(arguments.csv, index=False, lineterminator="\n")


def drawn(count: int, folder: Path) -> tuple[pd.DataFrame, Tensor]:
    """Cases of both classes, and the masks of what shows the sign in their images, (case, y, x)."""
    rng, rows, masks = np.random.default_rng(SEED), [], []
    for number in range(count):
        evidence = draw_evidence(rng, CLASSES[number % 2])
        image, file = draw_frontal(rng, evidence.volume, int(rng.integers(0, 2)), PX), folder / f"{number}.png"
        Image.fromarray(image.pixels).save(file)
        masks.append(image.evidence)
        signs = {"image_sign": evidence.drawn, "text_sign": evidence.written}
        text = write_report(rng, CLASSES[number % 2], evidence).findings
        rows.append({"id": str(number), "image": str(file), "text": text} | signs)
    return pd.DataFrame(rows), torch.tensor(np.stack(masks))


def shares(name: str, fold: int, cases: pd.DataFrame, masks: Tensor) -> list[dict]:
    """The share of positive relevance at the evidence, a row a case, method and neutral case."""
    predictor, rows = Predictor(MODELS / name / f"fold{fold}"), []
    for batch, predicted in predictor.batches(cases[["id", name]], AT_ONCE):
        score = predictor.task.of("score", predicted)[:, 0]
        number, target = predicted["id"].astype(int).to_numpy(), (score >= 0.5).astype(int)
        given = batch_cases(predictor.fold_models[0], batch, target)
        case, explained = given.case(list(range(len(number))))
        kept = target == cases[f"{name}_sign"].to_numpy()[number]
        for neutral in ["grey", "mean image"] if name == "image" else ["left out"]:
            if neutral == "mean image":
                given.network.__class__ = MeanImage
            for each in map(method, method_names()):
                for relevance in each.explain(given.network, case, explained).values():
                    of_images = name == "image"
                    size = relevance.shape[1:]
                    inside = at_size(masks[torch.tensor(number)].float(), *size) if of_images else passages(given)
                    held = kept & inside.flatten(1).any(1).numpy()
                    found = share(relevance, inside[..., : relevance.shape[-1]]).numpy()[held]
                    of_case = {"model": name, "what": each.name, "neutral": neutral}
                    known = zip(target[held], found, strict=True)
                    rows += [of_case | {"class": CLASSES[of], "share": value} for of, value in known]
    return rows


def passages(given: FoldCases) -> Tensor:
    """Which tokens of each text are in its sentence on the lungs, (case, token)."""
    found = torch.zeros(len(given), max(len(words.of_token) for words in given.words))
    for row, words in enumerate(given.words):
        inside = np.any([words.within(sentence) for sentence in OF_LUNGS], axis=0)
        found[row, : len(words.of_token)] = torch.tensor(np.append(inside, False)[words.of_token]).float()
    return found


def swapped(count: int, folder: Path) -> pd.DataFrame:
    """Chests without and with a sign that are else the same, and with the pixels of the latter in some places alone."""
    rows = []
    for number in range(count):
        normal, sign = (draw_frontal(np.random.default_rng([SEED, number]), volume, 1, PX) for volume in
                        [1.0, EXTREMES[number % 2]])  # fmt: skip
        inside = np.where(sign.evidence, sign.pixels, normal.pixels)
        outside = np.where(sign.evidence, normal.pixels, sign.pixels)
        kinds = {"normal": normal.pixels, "sign": sign.pixels, "inside": inside, "outside": outside}
        for kind, pixels in kinds.items():
            Image.fromarray(pixels).save(file := folder / f"{number}_{kind}.png")
            rows.append({"id": f"{number}_{kind}", "image": str(file), "number": number, "kind": kind})
    return pd.DataFrame(rows)


def changes(fold: int, pairs: pd.DataFrame) -> list[dict]:
    """What of the change of the logit is made by the places of the evidence alone, and by all others alone."""
    predicted = pd.concat(Predictor(MODELS / "image" / f"fold{fold}").predict(pairs[["id", "image"]]))
    score = predicted["score"].to_numpy().clip(SURE, 1 - SURE)
    logit = pairs.assign(logit=np.log(score / (1 - score))).pivot(index="number", columns="kind", values="logit")
    change = logit.sub(logit["normal"], axis=0).sum()
    names = {"inside": "change by the evidence alone", "outside": "change by all else alone"}
    of_all = {"model": "image", "neutral": "normal chest", "class": "lung"}
    return [of_all | {"what": name, "share": change[kind] / change["sign"]} for kind, name in names.items()]


if __name__ == "__main__":
    main()
