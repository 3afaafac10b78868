"""The explanations of models by name: a file here is one, with its figure and where this appears in the report.

A file declares TITLE, SECTION, ORDER and CAPTION as an analysis does (see `lungfuse.analyses`), and which models it
explains:

- INPUTS: the modalities that they read, among others;
- WANTED: for some settings of a model (`lungfuse.settings.model.ModelConfig`) the values that it explains, such as
  {"architecture": ["kv-exchange"]}. Models from which an ablation takes an input are not explained.

and defines `draw(explained: Explained, above: str) -> Figure`; see `lungfuse.explain._stage`.
"""
