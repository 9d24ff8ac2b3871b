"""The first visit of the owner, and the way back in for those who forgot their password."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import login
from django.contrib.auth import views as auth_views
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from myweb.installation import here

from . import devices
from .forms import PasswordResetForm, SetupForm
from .models import SetupToken


@sensitive_post_parameters()
@never_cache
@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def setup(request: HttpRequest, token: str) -> HttpResponse:
    """Let whoever holds the token become the administrator, once."""
    if not SetupToken.is_valid(token):
        raise Http404
    form = SetupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            if not SetupToken.use_up(token):
                raise Http404
            user = form.save()
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        return redirect("admin:index")
    context = {**admin.site.each_context(request), "title": _("Welcome"), "form": form}
    response = render(request, "accounts/setup.html", context)
    response.headers["Referrer-Policy"] = "same-origin"  # the address is a secret
    return response


class PasswordResetView(auth_views.PasswordResetView):
    """Sends a link by mail; without a mail server, says what to do instead."""

    form_class = PasswordResetForm
    template_name = "registration/password_reset_form.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.EMAIL_HOST:
            context = {**admin.site.each_context(request), "title": _("Password reset"), "manage": here().manage}
            return render(request, "accounts/password_reset_without_mail.html", context)
        return super().dispatch(request, *args, **kwargs)


@csrf_exempt
@never_cache
def may_upload(request: HttpRequest) -> HttpResponse:
    """Tell Nginx whether to read a large body: 204, or 403 for all who are not logged in as staff."""
    user = request.user
    return HttpResponse(status=204 if user.is_active and user.is_staff else 403)


class PasswordResetConfirmView(auth_views.PasswordResetConfirmView):
    """Lets whoever has set a password log in at once, whatever strangers try with the name."""

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        devices.remember(self.request, form.user)
        return response
