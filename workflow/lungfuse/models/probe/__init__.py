"""Estimators of scikit-learn on the mean tokens of frozen encoders, fitted fold by fold."""

STAGE, PREDICTED_BY = "fit", "lungfuse.predict.estimator"
TRAINED, ENCODES, COMBINES = False, "any", False
