"""What CONTRIBUTING says, in a fresh clone, with an environment that is there already."""

import pytest

from tests.server import checkout
from tests.site import ROOT, Site

pytestmark = pytest.mark.nginx


def test_quick_tests():
    with Site() as site:
        clone = site.directory / "clone"
        checkout(clone)
        # Link by link: where it is out of date, deploy/up clears it, and would clear that of this clone.
        (clone / ".venv").mkdir()
        for path in (ROOT / ".venv").iterdir():
            (clone / ".venv" / path.name).symlink_to(path)
        done = site.run("tests/run", "--quick", "-q", "tests/test_forms.py", cwd=clone)
        assert done.returncode == 0, done.stdout + done.stderr
        assert " passed in " in done.stdout
