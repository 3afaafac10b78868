"""The addresses of the API."""

from django.urls import path

from lungfuse_service.api import updates, views

urlpatterns = [
    path("", views.page, name="api"),
    path("openapi.json", views.schema, name="openapi"),
    path("models", views.with_token(GET=views.models), name="api-models"),
    path("predictions", views.with_token(POST=views.ask, GET=views.listed), name="api-predictions"),
    path(
        "predictions/<uuid:prediction_id>",
        views.with_token(GET=views.one, DELETE=views.delete),
        name="api-prediction",
    ),
    path(
        "predictions/<uuid:prediction_id>/report.dcm",
        views.with_token(GET=views.dicom_report),
        name="api-dicom-report",
    ),
    path(
        "confirmed-cases",
        views.with_token(POST=updates.add, GET=updates.waiting),
        name="api-confirmed-cases",
    ),
    path("updates", views.with_token(POST=updates.start), name="api-updates"),
    path("updates/<uuid:update_id>", views.with_token(GET=updates.one), name="api-update"),
]
