"""The site's own settings, with one more address: the trivial view that pages are measured against."""

from myweb.settings import *  # noqa: F403

ROOT_URLCONF = "tests.benchmarks.urls"
