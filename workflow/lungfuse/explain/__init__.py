"""The methods that explain what a trained network makes of a case, by name: a file here is one.

A file declares

- TITLE and CAPTION: what it is called, and below a picture what it shows, with its source;
- MODALITIES: those whose parts it gives relevance to;
- SIGNED: whether relevance below zero speaks against the target;
- SUMS: what the relevance of a case adds up to: "change", that of the logit from the neutral case; "logit",
  but for what the biases of the network take; or "".

and defines `explain(network: ExplainedNetwork, case: Case, target: Tensor) -> Relevance`, of the logit of the class or
label at `target`, (B,); see `lungfuse.relevance.network`. What it cannot explain of a network it leaves out.
"""
