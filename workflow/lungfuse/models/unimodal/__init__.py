"""Networks on the tokens of one encoder."""

STAGE, PREDICTED_BY = "train", "lungfuse.predict.network"
TRAINED, ENCODES, COMBINES = True, "any", False
