"""Estimators of scikit-learn on texts or structured columns, fitted once a fold."""

STAGE, PREDICTED_BY = "fit", "lungfuse.predict.estimator"
TRAINED, ENCODES, COMBINES = False, [], False
