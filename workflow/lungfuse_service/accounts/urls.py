"""The addresses of accounts."""

from django.contrib.auth import views as auth
from django.urls import path

from lungfuse_service.accounts import views

urlpatterns = [
    path("sign-up", views.sign_up, name="sign-up"),
    path("log-in", auth.LoginView.as_view(template_name="accounts/log_in.html"), name="log-in"),
    path("log-out", auth.LogoutView.as_view(), name="log-out"),
    path("", views.account, name="account"),
    path("token", views.new_token, name="new-token"),
]
