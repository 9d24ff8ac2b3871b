from django.contrib import admin
from django.urls import path

from myweb.operations import privacy, views

urlpatterns = [
    path("admin/privacy/", admin.site.admin_view(privacy.privacy), name="privacy"),
    path("healthz", views.healthz, name="healthz"),
    path("metrics", views.metrics, name="metrics"),
]
