"""The tokens that encoders make of the cases of a study, computed once for all models that read them."""

from dataclasses import dataclass
from pathlib import Path

from lungfuse.encoders import encoder_spec
from lungfuse.files import slug
from lungfuse.modalities import load_modality
from lungfuse.plan.job import Files
from lungfuse.plan.layout import Layout
from lungfuse.plan.resolve import PRETRAINED, pretraining_of
from lungfuse.plan.segmentation import image_files
from lungfuse.settings.model import ModelConfig
from lungfuse.tuning import tuning


@dataclass(frozen=True)
class FeatureSet:
    """The tokens that an encoder makes of a `choice` of its modality, for all pairs of a study.

    `source` is the encoder's name, that with what `PRETRAINED` has for a pre-training, or `<model>_fold<run>` of the
    model that has trained it.
    """

    study: str
    encoder: str
    modality: str
    choice: str
    source: str
    pooling: str
    max_tokens: int | None
    segmenter: str

    @property
    def reads(self) -> str:
        """What is read, as the name of a folder; no name of a section has a dot."""
        spec = encoder_spec(self.encoder)
        limit = f".max{self.max_tokens}" if self.max_tokens not in (None, getattr(spec, "max_tokens", None)) else ""
        return f"{slug(self.choice)}{'.mean' if self.pooling == 'mean' else ''}{limit}"

    @property
    def folder(self) -> Path:
        return self.files["tokens"].parent

    @property
    def files(self) -> dict[str, Path]:
        """The tokens, and where those of each pair lie."""
        return {name: path for name, path in self.outputs.items() if name != "cost"}

    @property
    def outputs(self) -> dict[str, Path]:
        """These, and what they took."""
        return Layout(self.study).features(self.place, self.reads)

    @property
    def place(self) -> str:
        """The folder of all features of the encoder, see `Layout.features`."""
        training = trained_by(self.encoder, self.source)
        return "{}_trained/fold{}".format(*training) if training else slug(self.source)

    @property
    def start(self) -> list[Path]:
        """The weights that are used in place of the encoder's own."""
        return start_of(Layout(self.study), self.encoder, self.source)

    @property
    def inputs(self) -> Files:
        """What the tokens are made from, besides the pairs."""
        layout = Layout(self.study)
        files: Files = {"encoder": list(layout.encoder(self.encoder, self.modality).values())}
        if self.modality == "image":
            files |= image_files(layout, self.segmenter)
        return files | {"start": self.start}


def start_of(layout: Layout, encoder: str, source: str) -> list[Path]:
    """The weights from which the encoder called `encoder` starts, where they are not those it comes with."""
    if training := trained_by(encoder, source):
        return [layout.network(*training)["weights"]]
    return [layout.pretrained(pretraining_of(encoder, source))["weights"]] if source != encoder else []


def trained_by(encoder: str, source: str) -> list[str] | None:
    """The model and the training that a source is of, where it is neither the encoder's own nor pre-trained."""
    own = [encoder, *(f"{encoder}{behind}" for behind in PRETRAINED.values())]
    return None if source in own else source.rsplit("_fold", 1)


def feature_set(config: ModelConfig, modality: str, run: str = "") -> FeatureSet:
    """The features of a modality that a model reads in a training, of several inputs those of the first."""
    return feature_sets(config, modality, run)[0]


def feature_sets(config: ModelConfig, modality: str, run: str = "") -> list[FeatureSet]:
    """The features of each input of a modality that a model reads in a training; see `Modality.sources`."""
    choices = load_modality(modality).sources((config.inputs | config.paired)[modality])
    return [_feature_set(config, modality, choice, run) for choice in choices]


def _feature_set(config: ModelConfig, modality: str, choice: str, run: str) -> FeatureSet:
    return FeatureSet(
        config.study,
        config.encoders[modality],
        modality,
        choice,
        config.sources[modality].format(run=run),
        config.pooling,
        config.max_tokens if modality == "text" else None,
        config.segmenter if modality == "image" else "",
    )


def reads_features(config: ModelConfig) -> bool:
    """Whether a model reads tokens that were made once, because its encoders do not learn."""
    return not (config.train and tuning(config.train.layers).learns)
