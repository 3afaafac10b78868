"""Networks on the tokens of several inputs."""

STAGE, PREDICTED_BY = "train", "lungfuse.predict.network"
TRAINED, ENCODES, COMBINES = True, "any", False
