"""The addresses of updates."""

from django.urls import path

from lungfuse_service.updates import views

urlpatterns = [
    path("models/<str:study>/<str:name>/update", views.update, name="update"),
    path("models/<str:study>/<str:name>/update/state", views.state, name="update-state"),
    path("models/<str:study>/<str:name>/update/start", views.start, name="start-update"),
    path("models/<str:study>/<str:name>/update/versions/<int:version>", views.make_active, name="make-active"),
    path("models/<str:study>/<str:name>/update/cases/<uuid:case_id>/delete", views.delete_case, name="delete-case"),
]
