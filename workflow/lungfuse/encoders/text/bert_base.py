"""BERT-Base, uncased.

Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers, NAACL 2019, https://arxiv.org/abs/1810.04805.
"""

from types import ModuleType

from lungfuse.encoders import Hub, TextSpec

SPEC = TextSpec(
    source=Hub("google-bert/bert-base-uncased", "86b5e0934494bd15c9632b12f734a8a67f723594"),
    width=768,
    layers=13,
    max_tokens=128,
    positions=512,
    shape={"intermediate_size": 3072, "num_attention_heads": 12},
)


def network() -> ModuleType:
    from lungfuse.encoders.networks import bert

    return bert
