"""The addresses of studies."""

from django.urls import path

from lungfuse_service.catalogue import views

urlpatterns = [
    path("", views.home, name="home"),
    path("verdicts", views.verdicts, name="verdicts"),
    path("health", views.health, name="health"),
    path("studies/<str:study>/card", views.card, name="card"),
    path("studies/<str:study>/report", views.report, name="report"),
]
