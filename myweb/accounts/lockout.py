"""
How wrong passwords are counted, and who has to wait.

A try is counted before the password is checked, which is slow, and given back if it was right: so many at once get no
further than one after the other, and who has to wait costs next to nothing. Browsers in which a user has logged in
before have a counter of their own, so that nobody can lock the owner out by knowing the name.
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from axes.handlers.base import AxesHandler
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.crypto import salted_hmac

from myweb.network import network_of

from . import devices
from .models import LoginFailures


@dataclass(frozen=True)
class Limit:
    """After `free` failures there is a wait, which doubles with each; `memory` after the last one, all is forgotten."""

    free: int
    wait: timedelta
    longest_wait: timedelta
    memory: timedelta

    def left(self, failures: LoginFailures) -> timedelta:
        """Return how long to wait until the next try."""
        count = failures.within(self.memory)
        if count < self.free:
            return timedelta(0)
        doubled: int = 2 ** min(count - self.free, 20)
        wait = min(self.wait * doubled, self.longest_wait)
        return max(failures.last_at + wait - timezone.now(), timedelta(0))


QUARTER = timedelta(minutes=15)
# One browser that the user has logged in with; one user from one network
ONE = Limit(free=5, wait=QUARTER, longest_wait=QUARTER, memory=QUARTER)
# One network, whatever users
NETWORK = Limit(free=15, wait=QUARTER, longest_wait=QUARTER, memory=QUARTER)
# One user, from wherever: never so long that a new browser of the owner has no chance
NAME = Limit(free=10, wait=timedelta(seconds=1), longest_wait=timedelta(minutes=1), memory=timedelta(hours=1))
# All whose addresses say nothing, whatever users
UNKNOWN = Limit(free=50, wait=timedelta(seconds=1), longest_wait=timedelta(seconds=5), memory=QUARTER)


def limits_of(request: HttpRequest, username: str) -> dict[str, Limit]:
    """Return by what a try to log in as `username` is counted: the limit by the key of LoginFailures."""
    if device := devices.device_of(request, username):
        return {_key("device", device): ONE}
    limits = {_key("name", username): NAME}
    if network := network_of(request.META.get("REMOTE_ADDR", "")):
        return limits | {_key("network", network): NETWORK, _key("name in network", f"{network} {username}"): ONE}
    return limits | {_key("unknown", ""): UNKNOWN}


def _key(kind: str, value: str) -> str:
    return salted_hmac(f"myweb.accounts.lockout {kind}", value, algorithm="sha256").hexdigest()


def wait_left(limits: dict[str, Limit]) -> timedelta:
    """Return how long to wait until the next try."""
    return _longest(limits, LoginFailures.objects.filter(key__in=limits))


def count_try(limits: dict[str, Limit]) -> timedelta:
    """Count a try as a failure, unless there is a wait; return the wait."""
    # Without a lock, and so without waiting for one
    if wait := wait_left(limits):
        return wait
    keys = sorted(limits)  # always locked in the same order
    with transaction.atomic():
        LoginFailures.objects.bulk_create([LoginFailures(key=key) for key in keys], ignore_conflicts=True)
        found = list(LoginFailures.objects.select_for_update().filter(key__in=keys).order_by("key"))
        if wait := _longest(limits, found):
            return wait
        for failures in found:
            failures.count = failures.within(limits[failures.key].memory) + 1
            failures.last_at = timezone.now()
            failures.save(update_fields=["count", "last_at"])
    return timedelta(0)


def give_back(limits: dict[str, Limit]) -> None:
    """Take back a try that was none of a stranger; who logs in may have mistyped before."""
    own = [key for key, limit in limits.items() if limit is ONE]
    LoginFailures.objects.filter(key__in=own).delete()
    LoginFailures.objects.filter(key__in=limits, count__gt=0).update(count=F("count") - 1)


def _longest(limits: dict[str, Limit], found: Any) -> timedelta:
    return max((limits[failures.key].left(failures) for failures in found), default=timedelta(0))


class Handler(AxesHandler):  # type: ignore[misc]
    """Counts in the place of django-axes, which asks for a lock before the password is checked."""

    def is_locked(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
        request.login_limits = limits_of(request, str((credentials or {}).get("username")))  # type: ignore[attr-defined]
        return bool(count_try(request.login_limits))  # type: ignore[attr-defined]

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
    ) -> None:
        if limits := getattr(request, "login_limits", None):
            request.login_wait = wait_left(limits)  # type: ignore[union-attr]
            request.axes_locked_out = bool(request.login_wait)  # type: ignore[union-attr]

    def user_logged_in(self, sender: Any, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> None:
        if limits := getattr(request, "login_limits", None):
            give_back(limits)

    def user_logged_out(self, sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
        pass


def locked_out(request: HttpRequest, response: HttpResponse, credentials: Any) -> HttpResponse:
    """Answer with how long to wait, in place of `response`."""
    seconds = math.ceil(request.login_wait.total_seconds())  # type: ignore[attr-defined]
    context = {"seconds": seconds, "minutes": math.ceil(seconds / 60), "has_mail": bool(settings.EMAIL_HOST)}
    answer = render(request, "accounts/locked_out.html", context, status=429)
    answer.headers["Retry-After"] = str(seconds)
    return answer
