"""The addresses of predictions."""

from django.urls import path

from lungfuse_service.predictions import views

urlpatterns = [
    path("models/<str:study>/<str:name>", views.ask, name="ask"),
    path("predictions", views.history, name="history"),
    path("predictions/export", views.export_all, name="export"),
    path("predictions/<uuid:prediction_id>", views.prediction, name="prediction"),
    path("predictions/<uuid:prediction_id>/state", views.state, name="state"),
    path("predictions/<uuid:prediction_id>/image", views.image, name="image"),
    path("predictions/<uuid:prediction_id>/overlays/<str:method>", views.overlay, name="overlay"),
    path("predictions/<uuid:prediction_id>/report.dcm", views.dicom_report, name="dicom-report"),
    path("predictions/<uuid:prediction_id>/delete", views.delete, name="delete"),
]
