from django.urls import path

from . import views

urlpatterns = [
    path("contact/", views.contact, name="contact"),
    path("contact/thanks/<slug:token>/", views.thanks, name="contact_thanks"),
]
