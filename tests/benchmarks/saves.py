"""
What tests/benchmarks/editing does within a site's own environment: publish pages by the desk.

Usage: deploy/as_site_user .venv/bin/python -m tests.benchmarks.saves NUMBER; prints JSON.
"""

import copy
import json
import os
import random
import secrets
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myweb.settings")
django.setup()

from myweb.desk.line import Line, Sender  # noqa: E402
from myweb.pages.models import Page  # noqa: E402


def publish(number: int) -> dict[str, list[float]]:
    """Return how many milliseconds it took to publish each of so many pages, commit and switch included."""
    times: dict[str, list[float]] = {"text": [], "title": []}
    for key in Page.objects.exclude(path="/").order_by("?").values_list("pk", flat=True)[:number]:
        for what, measured in random.sample(sorted(times.items()), 2):
            line = Line(Page, key)
            content = copy.deepcopy(line.content)
            assert content
            if what == "title":
                content["fields"]["title"] = f"Page {secrets.token_hex(4)}"
            content["blocks"][0]["fields"]["text"] = f"<p>{secrets.token_hex(8)}</p>"
            began = time.perf_counter()
            line.publish(content, Sender(None, base=line.base))
            measured.append(1000 * (time.perf_counter() - began))
    return times


if __name__ == "__main__":
    print(json.dumps(publish(int(sys.argv[1]))))
