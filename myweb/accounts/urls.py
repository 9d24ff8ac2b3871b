from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import path

from . import views
from .tokens import TokenGenerator

context = {"site_header": admin.site.site_header, "site_title": admin.site.site_title}

# The names are those that the admin's login page and Django's views look for.
urlpatterns = [
    path("may_upload/", views.may_upload, name="may_upload"),
    path("setup/<str:token>/", views.setup, name="setup"),
    path("password_reset/", views.PasswordResetView.as_view(extra_context=context), name="admin_password_reset"),
    path(
        "password_reset/done/",
        auth_views.PasswordResetDoneView.as_view(
            template_name="accounts/password_reset_done.html", extra_context=context
        ),
        name="password_reset_done",
    ),
    path(
        "reset/<uidb64>/<token>/",
        views.PasswordResetConfirmView.as_view(token_generator=TokenGenerator(), extra_context=context),
        name="password_reset_confirm",
    ),
    path(
        "reset/done/",
        auth_views.PasswordResetCompleteView.as_view(extra_context=context),
        name="password_reset_complete",
    ),
]
