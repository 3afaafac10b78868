"""The networks that encoders share. Each module offers, with a network as `build` returns it:

- READS: the modality that it reads; ATTENTION, where it has none: False;
- `build(config)`: the network with random weights, shaped by the content of its configuration file;
- `layers(network)`: its layers from input to output, for training the last ones alone;
- `tokens(network, images)` of images, (B, 3, y, x) -> (B, T, width); `tokens(network, ids, mask)` of texts, (B, T) and
  (B, T), true at real tokens -> (B, T, width), where embeddings of words, (B, T, width), may stand for their numbers;
- `embed(network, ids)` of texts: these embeddings; `place(network, words)`: the same with what is added to mark their
  places, where normalisation follows;
- `random_shape(spec)`: the configuration of an encoder with random weights;
- `published(weights, config)`: published weights under the names that the network has for them;
- MODEL_TYPES and TOWERS, where the Hugging Face hub has such networks: see `lungfuse.encoders.hub`; and
  `hub_spec(source, config)`: what the encoder of a repository is, by the content of its configuration file;
- `fetch(config)`, where a library has the weights: these, under the names that the network has for them.
"""
