"""Residual networks: He et al., CVPR 2016, https://arxiv.org/abs/1512.03385."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional
from transformers import ResNetConfig, ResNetModel

from lungfuse.encoders import Hub, ImageSpec
from lungfuse.encoders.networks import transformer

ANY_SIZE = 0  # of images
STATISTICS, LEARNED = "statistics", "learned"  # of batch normalisation
READS, ATTENTION = "image", False
MODEL_TYPES = ["resnet"]


class FrozenBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation that keeps its pretrained statistics, in training too: few images would only blur them."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


def build(config: dict[str, Any]) -> nn.Module:
    """With random weights there are no statistics to keep: they are learned."""
    network = ResNetModel(ResNetConfig(**config))
    if config.get(STATISTICS) == LEARNED:
        return network
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.__class__ = FrozenBatchNorm2d
    return network


def layers(network: nn.Module) -> list[nn.Module]:
    return [network.embedder, *(layer for stage in network.encoder.stages for layer in stage.layers)]


def tokens(network: nn.Module, images: Tensor) -> Tensor:
    features = network(images).last_hidden_state
    return features.flatten(2).transpose(1, 2)  # (batch, channel, y, x) -> (batch, y * x, channel)


def random_shape(spec: ImageSpec) -> dict[str, Any]:
    if spec.shape:
        return {**spec.shape, STATISTICS: LEARNED}
    stages = spec.layers - 1
    widths = [spec.width // 2 ** (stages - 1 - stage) for stage in range(stages)]
    shape = {"embedding_size": widths[0], "hidden_sizes": widths, "depths": [1] * stages, "layer_type": "basic"}
    return {**shape, STATISTICS: LEARNED}


def published(weights: dict[str, Tensor], config: dict[str, Any]) -> dict[str, Tensor]:
    return transformer.published(ResNetModel, ResNetConfig(**config), weights)


def hub_spec(source: Hub, config: dict[str, Any]) -> ImageSpec:
    shape = ResNetConfig(**config)
    return transformer.image_spec(source, config, shape.hidden_sizes[-1], 1 + sum(shape.depths), ANY_SIZE)
