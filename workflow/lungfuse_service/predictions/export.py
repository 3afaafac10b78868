"""All that is kept of a user, as a ZIP file."""

import json
import tempfile
import zipfile
from typing import IO

from lungfuse_service.accounts.models import User
from lungfuse_service.predictions.record import record_of


def export(user: User) -> IO[bytes]:
    """A temporary file: predictions.json, and images and pictures by the ids of predictions."""
    stream = tempfile.TemporaryFile()  # noqa: SIM115, the response closes it
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        records = []
        for prediction in user.predictions.select_related("job", "model__study", "result").iterator():
            records.append(record_of(prediction))
            if prediction.image:
                packed.write(prediction.image.path, f"{prediction.id}/image.png")
            if hasattr(prediction, "result"):
                for overlay in prediction.result.overlays.all():
                    packed.writestr(f"{prediction.id}/{overlay.method}.png", bytes(overlay.png))
        confirmed = list(user.confirmed_cases.all())
        for case in confirmed:
            if case.image:
                packed.write(case.image.path, f"{case.id}/image.png")
        about = {"user": user.username, "joined": user.date_joined.isoformat(), "predictions": records}
        about["confirmed_cases"] = [case.record for case in confirmed]
        packed.writestr("predictions.json", json.dumps(about, indent=2))
    stream.seek(0)
    return stream
