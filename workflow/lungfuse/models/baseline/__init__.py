"""Estimators of scikit-learn on texts or structured columns, fitted fold by fold."""

STAGE, PREDICTED_BY = "fit", "lungfuse.predict.estimator"
TRAINED, ENCODES, COMBINES = False, [], False
