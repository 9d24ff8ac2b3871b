"""What CONTRIBUTING says, in a fresh clone, with an environment that is there already."""

import pytest

from tests.server import checkout
from tests.site import ROOT, Site

pytestmark = pytest.mark.nginx


def test_quick_tests():
    with Site() as site:
        clone = site.directory / "clone"
        checkout(clone)
        (clone / ".venv").symlink_to(ROOT / ".venv")
        done = site.run("tests/run", "--quick", "-q", "tests/test_forms.py", cwd=clone)
        assert done.returncode == 0, done.stdout + done.stderr
        assert " passed in " in done.stdout
