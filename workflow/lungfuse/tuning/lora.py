"""Two narrow matrices learn beside the query and value of each attention: LoRA. The number is their rank.

Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022, https://arxiv.org/abs/2106.09685.
"""

from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import nn

from lungfuse.encoders.network import Encoder
from lungfuse.errors import UserError

LEARNS, NUMBER, ATTENTION = True, True, True
ADAPTED = {"query", "value", "q_proj", "v_proj", "q_lin", "v_lin"}  # as BERT, ViT and DistilBERT call them
SCALE = 2


def set_up(encoder: Encoder, number: int) -> None:
    """Add the matrices, which alone learn.

    Raises:
        UserError: the encoder has no attention, or not all of it would be adapted.
    """
    found = [name for name, layer in encoder.network.named_modules() if _is_adapted(name, layer)]
    if not found or len(found) != 2 * (blocks := attention_blocks(encoder.network)):
        what = (
            f"{len(found)} layers called {', '.join(sorted(ADAPTED))} in {blocks} blocks" if found else "no attention"
        )
        raise UserError(
            f"layers: lora:{number}: found {what} in {type(encoder.network).__name__}, expected a transformer whose "
            "every block has a query and a value that are linear layers. Choose another encoder, or full or top:<n>."
        )
    config = LoraConfig(r=number, lora_alpha=SCALE * number, target_modules=found)
    encoder.network = inject_adapter_in_model(config, encoder.network)
    encoder.requires_grad_(False)
    for name, parameter in encoder.named_parameters():
        parameter.requires_grad_("lora_" in name)
    if (adapted := len(adapted_layers(encoder))) != len(found):
        raise UserError(
            f"layers: lora:{number}: {adapted} of {len(found)} layers are adapted. Use the peft of the lock."
        )


def merge(encoder: Encoder, number: int) -> None:
    """Add what was learned to the weights that it stands beside."""
    for name, layer in adapted_layers(encoder).items():
        layer.merge(safe_merge=True)
        parent, _, last = name.rpartition(".")
        setattr(encoder.get_submodule(parent), last, layer.get_base_layer())
    del encoder.network.peft_config
    encoder.requires_grad_(True)


def adapted_layers(encoder: Encoder) -> dict[str, LoraLayer]:
    """The layers with matrices beside them, by name."""
    return {name: layer for name, layer in encoder.named_modules() if isinstance(layer, LoraLayer)}


def attention_blocks(network: nn.Module) -> int:
    """How many blocks of attention a transformer of the library transformers has, by its configuration."""
    config = getattr(network, "config", None)
    return sum(config.depths) if hasattr(config, "depths") else getattr(config, "num_hidden_layers", 0)


def _is_adapted(name: str, layer: nn.Module) -> bool:
    return name.rpartition(".")[2] in ADAPTED and isinstance(layer, nn.Linear)
