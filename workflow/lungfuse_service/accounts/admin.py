"""Users, for the operator; of their cases the admin shows nothing."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from lungfuse_service.accounts.models import User

admin.site.site_header = admin.site.site_title = "lungfuse: research software, not for diagnosis"
admin.site.register(User, UserAdmin)
