"""
What tests/benchmarks/publishing does within a site's own environment: pages by the thousand, and saving them.

Usage: deploy/as_site_user .venv/bin/python -m tests.benchmarks.pages fill|save|login|forms|home_form [NUMBER]

It prints JSON.
"""

import json
import os
import secrets
import sys
import time
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myweb.settings")
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.db import transaction  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402
from django.urls import reverse  # noqa: E402

from myweb.pages.blocks.text import Text  # noqa: E402
from myweb.pages.models import Page  # noqa: E402
from tests.admin_forms import form_data  # noqa: E402

BELOW = 100  # pages below a page
IN_MENU = 6
TEXT = "<h2>By the lake</h2>" + "<p>The path follows the shore, and in the evening the mountains are red.</p>" * 30


def fill(number: int) -> int:
    """Replace all pages: the home page, a hundred at the top, a hundred below each of them, and so on."""
    Page.objects.all().delete()
    level = [make(None, "", "Home", 10)]
    Page.objects.bulk_create(level)
    add_texts(level)
    parents: list[Page | None] = [None]
    done = 1
    while done < number:
        places = ((parent, index) for parent in parents for index in range(1, BELOW + 1))
        level = [
            make(parent, f"page-{index}", f"Page {index}", 10 + 10 * index)
            for (parent, index), _ in zip(places, range(number - done), strict=False)
        ]
        Page.objects.bulk_create(level, batch_size=1000)
        add_texts(level)
        done += len(level)
        parents = [*level]
    return Page.objects.published().count()


def make(parent: Page | None, slug: str, title: str, position: int) -> Page:
    in_menu = parent is None and position <= 10 * IN_MENU
    page = Page(
        parent=parent, slug=slug, title=title, position=position, menu=Page.Menu.MAIN if in_menu else Page.Menu.NONE
    )
    page.derive(parent)
    return page


def add_texts(pages: list[Page]) -> None:
    texts = [Text(parent=page, region="main", ordering=10, text=f"<p>{page.path}</p>{TEXT}") for page in pages]
    Text.objects.bulk_create(texts, batch_size=1000)


def save(number: int) -> list[float]:
    """Return how many milliseconds each of so many saves took, commit and switch included."""
    times = []
    for page in Page.objects.order_by("?")[:number]:
        page.description = secrets.token_hex(8)
        began = time.perf_counter()
        page.save()
        times.append(1000 * (time.perf_counter() - began))
    return times


def login(_number: int) -> dict[str, str]:
    """Return the cookies of an owner who is logged in."""
    client = Client()
    with transaction.atomic():
        client.force_login(User.objects.create_superuser(f"owner-{secrets.token_hex(4)}"))
    return {name: cookie.value for name, cookie in client.cookies.items()}


def forms(number: int) -> list[dict[str, Any]]:
    """Return what a browser would send to publish so many pages, as they are."""
    client = owner()
    return [form(client, page) for page in Page.objects.order_by("?")[:number]]


def home_form(_number: int) -> dict[str, Any]:
    return form(owner(), Page.objects.get(path="/"))


def owner() -> Client:
    setup_test_environment()
    client = Client()
    with transaction.atomic():
        client.force_login(User.objects.create_superuser(f"owner-{secrets.token_hex(4)}"))
    return client


def form(client: Client, page: Page) -> dict[str, Any]:
    url = reverse("admin:pages_page_change", args=[page.pk])
    return {"url": url, "path": page.path, "fields": form_data(client.get(url))}


if __name__ == "__main__":
    work = {"fill": fill, "save": save, "login": login, "forms": forms, "home_form": home_form}[sys.argv[1]]
    print(json.dumps(work(int(sys.argv[2]) if len(sys.argv) > 2 else 0)))
