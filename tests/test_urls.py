import os
import subprocess
import sys

from tests.site import ROOT

LOAD = """
import sys
import django
django.setup()
import myweb.urls
print({name.partition(".")[0] for name in sys.modules} & {"prometheus_client", "psycopg", "tqdm"})
"""


def test_workers_do_not_load_what_they_do_not_need(tmp_path):
    """They are three at least, and would take twelve MiB more each."""
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
        "DJANGO_SETTINGS_MODULE": "myweb.settings",
    }
    loaded = subprocess.run([sys.executable, "-c", LOAD], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert loaded.stdout.strip() == "set()", loaded.stdout + loaded.stderr
