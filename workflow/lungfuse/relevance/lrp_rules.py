"""Layer-wise relevance propagation as gradients: within `lrp_rules`, input times gradient is relevance.

Bach et al., PLOS ONE 10, 2015, https://doi.org/10.1371/journal.pone.0130140. Values stay as they are, and the backward
pass changes by the type of a module:

- linear maps and what is linear otherwise: LRP-0, whose relevance is input times gradient as it is;
- convolutions, with the batch normalisation after them: LRP-gamma (Montavon et al., 2019,
  https://doi.org/10.1007/978-3-030-28954-6_10), in the form for inputs and outputs of both signs: what has the sign of
  the output counts more;
- activations: what comes out goes to what went in;
- layer normalisation: the standard deviation is a constant, and so are the weights of attention (Ali et al., ICML 2022,
  https://arxiv.org/abs/2202.07304).
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from torch import Tensor, nn, where
from transformers import activations
from transformers.models.resnet.modeling_resnet import ResNetConvLayer, ResNetShortCut
from transformers.models.vit.modeling_vit import ViTEmbeddings

from lungfuse.encoders.networks import keras_applications
from lungfuse.encoders.networks.efficientnet_lite import ConvBNAct
from lungfuse.encoders.networks.keras_applications import Application
from lungfuse.errors import UserError
from lungfuse.layers.blocks import folded, watched_attention
from lungfuse.modalities.structured.tokens import ColumnTokens
from lungfuse.models.fusion.joint import Joint

GAMMA = 0.25
Convolve = Callable[[Tensor, Tensor, Tensor | None], Tensor]

LINEAR = (
    nn.Linear, nn.BatchNorm2d, nn.Dropout, nn.Identity, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Embedding,
)  # fmt: skip
ADDING = (ViTEmbeddings, Joint, ColumnTokens)  # their own parameters are added to tokens, or are tokens
HOLDING = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.GELU, nn.SiLU, nn.Tanh, activations.GELUActivation, activations.NewGELUActivation,
    activations.GELUTanh, activations.FastGELUActivation, activations.QuickGELUActivation, activations.SiLUActivation,
)  # fmt: skip


@contextmanager
def lrp_rules(network: nn.Module) -> Iterator[None]:
    """A network in evaluation mode whose gradients are those of relevance, until the context ends.

    Raises:
        UserError: a module has no rule.
    """
    rules = list(_rules(network))
    with ExitStack() as stack:
        for module, rule in rules:
            stack.callback(module.register_forward_hook(rule).remove)
        stack.enter_context(watched_attention(Tensor.detach))
        yield


def _rules(network: nn.Module) -> Iterator[tuple[nn.Module, Callable]]:
    """The modules whose backward pass changes, with what computes them anew."""
    units = [module for module in network.modules() if isinstance(module, tuple(UNITS))]
    inside = {part for unit in units for part in unit.modules() if part is not unit}
    for name, module in network.named_modules():
        rule = next((rule for kind, rule in RULES.items() if isinstance(module, kind)), None)
        if rule is not None and module not in inside:
            yield module, rule
        elif module not in inside and not _has_none(module):
            raise UserError(
                f"layer-wise relevance propagation: found {type(module).__name__} ({name}), which has no rule. Add one "
                "to workflow/lungfuse/relevance/lrp_rules.py, or explain the model by another method."
            )


def _has_none(module: nn.Module) -> bool:
    """Whether a module needs no rule: it is linear, or made of others."""
    computes = any(True for _ in module.parameters(recurse=False)) or not any(True for _ in module.children())
    return not computes or isinstance(module, LINEAR + ADDING + HOLDING)


def _gamma(convolve: Convolve, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A convolution: what is x w > 0 where the output is, and x w < 0 where it is not, counts 1 + GAMMA times."""
    z = convolve(x, weight, bias)
    size = convolve(x.abs(), weight.abs(), None if bias is None else bias.abs())
    favoured = z + GAMMA * (z + z.detach().sign() * size) / 2
    return favoured * _ratio(z, favoured)


def _ratio(value: Tensor, to: Tensor) -> Tensor:
    """How often a value is another, as a constant; 0 of 0 is 0."""
    return where(to == 0, 0.0, value / to).detach()


def _activated(x: Tensor, y: Tensor) -> Tensor:
    return x * _ratio(y, x)


def _of_activation(_: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
    return _activated(inputs[0], output)


def _of_layer_norm(norm: nn.LayerNorm, inputs: tuple[Tensor], _: Tensor) -> Tensor:
    over = tuple(range(-len(norm.normalized_shape), 0))
    x = inputs[0] - inputs[0].mean(over, keepdim=True)
    y = x / (x.square().mean(over, keepdim=True) + norm.eps).sqrt().detach()
    y = y if norm.weight is None else y * norm.weight
    return y if norm.bias is None else y + norm.bias


def _of_convolution(convolution: nn.Conv2d, inputs: tuple[Tensor], _: Tensor) -> Tensor:
    return _gamma(convolution._conv_forward, inputs[0], convolution.weight, convolution.bias)


def _of_efficientnet(unit: ConvBNAct, inputs: tuple[Tensor], _: Tensor) -> Tensor:
    y = _gamma(unit.convolve, inputs[0], *folded(*unit))
    return _activated(y, y.clamp(0, 6)) if unit.activate else y


def _of_resnet(unit: ResNetConvLayer | ResNetShortCut, inputs: tuple[Tensor], _: Tensor) -> Tensor:
    y = _gamma(unit.convolution._conv_forward, inputs[0], *folded(unit.convolution, unit.normalization))
    return _activated(y, unit.activation(y)) if hasattr(unit, "activation") else y


def _of_keras(network: Application, inputs: tuple[Tensor], _: Tensor) -> Tensor:
    """Its convolutions as others; ReLU, the one activation that these networks have, needs no rule."""
    layers = keras_applications.graph(network.application, tuple(inputs[0].shape[1:3])).layers
    with ExitStack() as stack:
        for layer in layers:
            if hasattr(layer, "convolution_op"):
                layer.call = partial(_of_keras_convolution, layer)
                stack.callback(delattr, layer, "call")
        return network.forward(inputs[0])


def _of_keras_convolution(layer, inputs: Tensor) -> Tensor:
    def convolve(x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        y = layer.convolution_op(x, kernel)
        return y if bias is None else y + bias

    y = _gamma(convolve, inputs, layer.kernel.value, layer.bias.value if layer.use_bias else None)
    return y if layer.activation is None else layer.activation(y)


UNITS = {
    ConvBNAct: _of_efficientnet,
    ResNetConvLayer: _of_resnet,
    ResNetShortCut: _of_resnet,
    Application: _of_keras,
}
"""Rules of modules whose parts are computed together."""
RULES = UNITS | {
    nn.Conv2d: _of_convolution,
    nn.LayerNorm: _of_layer_norm,
    **dict.fromkeys(ACTIVATIONS, _of_activation),
}
