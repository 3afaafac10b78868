"""The files of the networks of keras.applications."""

from pathlib import Path

from lungfuse.encoders import CONFIG
from lungfuse.paths.names import CNN_WEIGHTS, ENCODER_ROOT, slug
from lungfuse.paths.training import TrainingPaths


class CNNPaths(TrainingPaths):
    """The files of the networks of keras.applications."""

    def cnn_weights(self, network: str) -> dict[str, Path]:
        """The weights a network starts from, and where they are from."""
        folder = ENCODER_ROOT / f"{network}_{self.study.cnns.weights}"
        return {"weights": folder / CNN_WEIGHTS, "source": folder / CONFIG}

    def cnn(self, network: str, variant: str) -> Path:
        return self.models / network / variant

    def cnn_predictions(self, network: str, variant: str) -> Path:
        return self.cnn(network, variant) / "predictions.csv"

    @property
    def all_cnn_predictions(self) -> list[Path]:
        """Those of every network on every variant, network by network."""
        cnns = self.study.cnns
        return [self.cnn_predictions(network, slug(variant)) for network in cnns.networks for variant in cnns.variants]

    @property
    def cnn_sources(self) -> list[Path]:
        return [self.cnn_weights(network)["source"] for network in self.study.cnns.networks]

    @property
    def cnn_table(self) -> Path:
        return self.results / "cnn_comparison.csv"
