"""What every page knows."""

from django.conf import settings
from django.http import HttpRequest


def service(request: HttpRequest) -> dict:
    return {"sign_up_open": settings.SIGN_UP, "retention_days": settings.RETENTION_DAYS}
