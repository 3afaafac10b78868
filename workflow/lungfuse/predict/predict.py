"""Predict new cases with a trained row of the comparison table."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd

from lungfuse.encoders import TOKENIZER, WEIGHTS
from lungfuse.encoders.tokens import tokenize
from lungfuse.errors import UserError
from lungfuse.files import sha256, whole_file
from lungfuse.ingest.images import DECODE_ERRORS, decode
from lungfuse.paths import ENCODER_ROOT, TRAINED_SETTINGS
from lungfuse.predict.trained import Trained, load_trained, read_trained
from lungfuse.settings import LATE, ImageSettings, Row
from lungfuse.tables import Cases, read_table
from lungfuse.train.arms import ArmImages, arm_images
from lungfuse.train.data import PairDataset
from lungfuse.train.engine import predict, quiet
from lungfuse.train.late import Weights, fuse

OPTIONS = {"image": "--image", "text": "--text"}


def main(
    *,
    model: Path,
    image: Path | None = None,
    text: str = "",
    cases: Path | None = None,
    out: Path | None = None,
    encoder_root: Path = ENCODER_ROOT,
) -> None:
    """Predict one case, or a table of many, with a trained row.

    The score is the probability of class 1, the mean over the models of the folds. It is no diagnosis.

    Parameters
    ----------
    model
        Folder of a trained row, such as results/demo/models/kv-exchange, or of one of its folds.
    image
        X-ray of one case, any format that Pillow reads.
    text
        Section of the report of one case.
    cases
        Table of many cases, CSV, with the columns id, image and text; paths of images are taken from its folder.
    out
        Output: the predictions, as JSON or, when it ends in .csv, as a table. Not given, JSON is printed.
    encoder_root
        Folder with a folder for each encoder.
    """
    quiet()
    table = read_cases(cases) if cases else pd.DataFrame({"id": [""], "image": [str(image or "")], "text": [text]})
    scored = predict_cases(model, table, encoder_root, one_case=cases is None)
    if out is not None and out.suffix == ".csv":
        with whole_file(out) as stream:
            scored.to_csv(stream, index=False, lineterminator="\n")
        return
    records = scored.drop(columns="id" if cases is None else []).to_dict("records")
    page = json.dumps(records[0] if cases is None else records, indent=2)
    if out is None:
        print(page)
    else:
        with whole_file(out) as stream:
            stream.write(page + "\n")


def read_cases(path: Path) -> pd.DataFrame:
    """The table `Cases` with the paths of its images from the working folder."""
    table = read_table(path, Cases)
    return table.assign(image=[str(path.parent / image) if image else "" for image in table["image"]])


def predict_cases(model: Path, cases: pd.DataFrame, encoder_root: Path, one_case: bool = False) -> pd.DataFrame:
    """Score cases, a table of `Cases`, with the row in the folder `model`.

    Returns id, label (the name of the class), probability (that of class 1, named in `positive`), model, folds and
    sha256, which is that of the weights of all folds.

    Raises:
        UserError: a case lacks an input that the row reads, or an image cannot be read.
    """
    members = read_members(model)
    row, labels = members[0].row, members[0].labels
    _check_inputs(row, cases, model, one_case)
    inputs = _Inputs(cases, encoder_root)
    scores = np.mean([member.score(inputs) for member in members], axis=0)
    return pd.DataFrame(
        {
            "id": cases["id"],
            "label": np.array(labels)[(scores >= 0.5).astype(int)],
            "probability": scores.round(6),
            "positive": labels[1],
            "model": row.label,
            "folds": len(members),
            "sha256": hashlib.sha256("".join(member.sha256() for member in members).encode()).hexdigest(),
        }
    )


class _Inputs:
    """The images and texts of the cases, read once for all members of an ensemble."""

    def __init__(self, cases: pd.DataFrame, encoder_root: Path):
        self.cases, self.encoder_root = cases, encoder_root
        self.pixels: dict[ImageSettings, np.ndarray] = {}
        self.arms: dict[tuple, np.ndarray | ArmImages] = {}
        self.tokens: dict[tuple[str, int], list[np.ndarray]] = {}

    def of(self, trained: Trained) -> PairDataset:
        images = rows = texts = None
        if "image" in trained.row.inputs:
            images, rows = self._arm(trained), np.arange(len(self.cases))
        if "text" in trained.row.inputs:
            key = name, max_tokens = trained.encoders.text, trained.encoders.text_tokens
            if key not in self.tokens:
                self.tokens[key] = tokenize(self.cases["text"], self.encoder_root / name / TOKENIZER, max_tokens)
            texts = self.tokens[key]
        return PairDataset(np.zeros(len(self.cases), int), images, rows, texts)

    def _arm(self, trained: Trained) -> np.ndarray | ArmImages:
        if trained.images not in self.pixels:
            self.pixels[trained.images] = read_images(self.cases["image"], trained.images)
        pixels = self.pixels[trained.images]
        if trained.segmenter is None:
            return pixels
        key = (trained.row.images, trained.images, trained.segmenter.resolve(), trained.mask)
        if key not in self.arms:
            from lungfuse.segment.segmenter import load_segmenter  # brings TensorFlow, which raw images do without

            masks = np.stack([mask for _, mask in load_segmenter(trained.segmenter).masks(pixels, trained.mask)])
            self.arms[key] = arm_images(trained.row.images, pixels, masks)
        return self.arms[key]


class _Fold:
    """A row trained for one fold."""

    def __init__(self, folder: Path):
        self.trained = read_trained(folder)
        self.row, self.labels = self.trained.row, self.trained.labels

    def score(self, inputs: _Inputs) -> np.ndarray:
        module = load_trained(self.trained, inputs.encoder_root)
        return predict(module, inputs.of(self.trained), np.arange(len(inputs.cases)))

    def sha256(self) -> str:
        return "".join(sha256(path) for path in [self.trained.folder / WEIGHTS, *self.trained.starts])


class _LateFold:
    """Both parts of a late fusion for one fold; `weights` are those of the log odds, or None for the mean."""

    def __init__(self, row: Row, image: _Fold, text: _Fold, weights: Weights | None):
        self.row, self.labels, self.parts, self.weights = row, image.labels, [image, text], weights

    def score(self, inputs: _Inputs) -> np.ndarray:
        scores = np.stack([part.score(inputs) for part in self.parts], axis=1)
        return fuse(scores, self.weights)

    def sha256(self) -> str:
        return "".join(part.sha256() for part in self.parts)


def read_members(model: Path) -> list[_Fold] | list[_LateFold]:
    """The models of all folds of the row in the folder `model`, or of the one fold whose folder it is.

    Raises:
        UserError: the folder holds no trained row.
    """
    if (model / WEIGHTS).exists():
        return [_Fold(model)]
    folds = sorted(model.glob("fold*"))
    if folds or not (model / TRAINED_SETTINGS).exists():
        return [_Fold(folder) for folder in folds or [model]]
    late = json.loads((model / TRAINED_SETTINGS).read_text(encoding="utf-8"))
    if late["row"]["model"] not in LATE:
        raise UserError(
            f"{model / TRAINED_SETTINGS}: found the model {late['row']['model']}, expected {' or '.join(LATE)}."
        )
    row = Row.model_validate(late["row"])
    return [
        _LateFold(row, *(_Fold(model / fold[part]) for part in ["image", "text"]), fold.get("weights"))
        for fold in late["folds"]
    ]


def read_images(paths: pd.Series, settings: ImageSettings) -> np.ndarray:
    """Decode images: uint8 of shape (image, height, width).

    Raises:
        UserError: names every image that cannot be read.
    """
    pixels, bad = [], []
    for path in paths:
        try:
            pixels.append(decode(Path(path).read_bytes(), settings)[0])
        except DECODE_ERRORS as error:
            bad.append(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})")
    if bad:
        raise UserError(f"{'; '.join(bad[:5])}{'; ...' if len(bad) > 5 else ''}. Expected an image; replace it.")
    return np.stack(pixels)


def _check_inputs(row: Row, cases: pd.DataFrame, model: Path, one_case: bool) -> None:
    reads = " and ".join(sorted(row.inputs))
    for modality in sorted(row.inputs):
        missing = cases["id"][cases[modality].str.strip() == ""]
        if len(missing) and one_case:
            raise UserError(f"{model}: reads {reads}, but no {modality} was given. Add {OPTIONS[modality]}.")
        if len(missing):
            raise UserError(
                f"{model}: reads {reads}, but {len(missing)} cases have no {modality}, {missing.iloc[0]!r} first. "
                f"Fill the column {modality}, or use a row that does without."
            )
    if one_case:
        for modality in set(OPTIONS) - row.inputs:
            if cases[modality].iloc[0]:
                raise UserError(f"{model}: reads {reads} alone. Leave {OPTIONS[modality]} out, or use another row.")
