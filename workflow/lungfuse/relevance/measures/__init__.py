"""Measures of whether explanations of a trained network are true, by name: a file here is one.

A file declares

- TITLE and CAPTION: what it is called, and what it does, with its source;
- LIMIT: in words, what an explanation has to reach, stated before any was measured;
- MARGIN: how far below its control an explanation may be, in units of the value; 0 where it has to be above;
- MODALITIES: those whose relevance it looks at, or "all" together;
- NEEDS: what it has to be given besides relevance: "mask" (where the evidence may lie), "network" (with its target),
  "method" (to explain another network by), "other networks" (their relevance for the same cases) or "shuffled" (what
  shuffling a modality costs);

and defines `measure(given: Given) -> list[Measured]`, a value and controls for each case, see
`lungfuse.relevance.given`; a higher value is a better one. `lungfuse.relevance.scores` makes rows of a table of them.
"""
