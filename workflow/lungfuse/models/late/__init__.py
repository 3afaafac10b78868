"""Combinations of the scores of other models."""

STAGE, PREDICTED_BY = "late", "lungfuse.predict.late"
TRAINED, ENCODES, COMBINES = False, [], True
