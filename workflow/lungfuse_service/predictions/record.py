"""A prediction as JSON, for programs and for export."""

from lungfuse_service.predictions.models import Prediction
from lungfuse_service.report_text.sentences import sentences_of

NOT_FOR_DIAGNOSIS = "Research software. Not for diagnosis."


def record_of(prediction: Prediction) -> dict:
    """What is known of a prediction."""
    job, result = prediction.job, getattr(prediction, "result", None)
    found = {
        "id": str(prediction.id),
        "model": str(prediction.model),
        "model_sha256": prediction.model.sha256,
        "state": job.state,
        "created": prediction.created.isoformat(),
        "given": {"image": bool(prediction.image), "text": prediction.text, "values": prediction.values},
        "notice": NOT_FOR_DIAGNOSIS,
    }
    if job.problem:
        found["problem"] = job.problem
    if result is not None:
        found["result"] = result.outcome
        found["report"] = [sentence.record for sentence in sentences_of(result.outcome)]
    return found
