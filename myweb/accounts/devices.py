"""
The cookie of a browser in which somebody has logged in before.

It opens nothing. Whoever guesses passwords for a name from elsewhere does not slow down those who have the cookie for
it (https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies), and Nginx, which checks the
first half by itself, keeps a share for all who have one.
"""

import hashlib
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in
from django.core.signing import Signer
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import constant_time_compare, salted_hmac

MAX_AGE = 365 * 24 * 3600  # seconds


def nginx_key() -> str:
    """Return the key with which Nginx checks the first half of the cookie; it must not be readable to others."""
    return salted_hmac("myweb.accounts.devices.nginx_key", "", algorithm="sha256").hexdigest()


def cookie_name() -> str:
    """Return the name of the cookie: under https, one that no other host and no plain connection can set."""
    return "__Host-device" if settings.SITE_URL.startswith("https:") else "device"


def new_cookie(username: str) -> str:
    """Return the value of the cookie for a browser in which `username` has logged in."""
    device = f"{secrets.token_urlsafe(16)}.{int(time.time()) + MAX_AGE}"
    return f"{device}.{_mac(device)}.{_signature(device, username)}"


def device_of(request: HttpRequest, username: str) -> str:
    """Return the id of the browser that `request` comes from, or "" if `username` has never logged in there."""
    parts = request.COOKIES.get(cookie_name(), "").split(".")
    if len(parts) != 4:
        return ""
    device_id, expires, _mac_for_nginx, signature = parts
    if not constant_time_compare(signature, _signature(f"{device_id}.{expires}", username)):
        return ""
    return device_id if int(expires) > time.time() else ""


def remember(request: HttpRequest, user: AbstractBaseUser) -> None:
    """Give the browser that `request` comes from the cookie for `user`, with the answer."""
    request.device_cookie = new_cookie(user.get_username())  # type: ignore[attr-defined]


class DeviceMiddleware:
    """Sets the cookie."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if cookie := getattr(request, "device_cookie", ""):
            response.set_cookie(
                cookie_name(),
                cookie,
                max_age=MAX_AGE,
                secure=cookie_name().startswith("__Host-"),
                httponly=True,
                samesite="Lax",
            )
        return response


@receiver(user_logged_in)
def _remember_login(sender: Any, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> None:
    remember(request, user)


def _mac(device: str) -> str:
    # MD5 is what Nginx's secure_link_md5 can do. The key is random and stands last: nothing can be appended.
    digest = hashlib.md5(f"{device} {nginx_key()}".encode(), usedforsecurity=False).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def _signature(device: str, username: str) -> str:
    return Signer(salt="myweb.accounts.devices").signature(f"{device}.{username}")
