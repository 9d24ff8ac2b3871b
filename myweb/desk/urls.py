from django.urls import path

from . import views

urlpatterns = [path("shown/<str:token>/", views.shown, name="shown")]
