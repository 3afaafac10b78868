"""The addresses of the service."""

from django.contrib import admin
from django.urls import include, path

from lungfuse_service.config import problems

urlpatterns = [
    path("", include("lungfuse_service.catalogue.urls")),
    path("", include("lungfuse_service.predictions.urls")),
    path("", include("lungfuse_service.updates.urls")),
    path("account/", include("lungfuse_service.accounts.urls")),
    path("api/", include("lungfuse_service.api.urls")),
    path("admin/", admin.site.urls),
]
handler400, handler403, handler404, handler500 = (
    problems.bad_request, problems.forbidden, problems.not_found, problems.failed,
)  # fmt: skip
