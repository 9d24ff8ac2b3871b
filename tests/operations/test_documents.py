"""What docs/operator.md says under “Backups”."""

import re
import zipfile

import pytest

from tests.site import ROOT

pytestmark = pytest.mark.slow("the commands are run")

SECTION = (ROOT / "docs" / "operator.md").read_text().partition("## Backups\n")[2].partition("\n## ")[0]


def test_every_night(place):
    """The line as it stands there, in the root of the clone."""
    [line] = re.findall(r"^    (\S.*)$", SECTION, re.MULTILINE)
    done = place.python("-c", "import subprocess, sys; sys.exit(subprocess.call(['sh', '-c', sys.argv[1]]))", line)
    assert done.returncode == 0, done.stderr
    [path] = place.backups
    assert done.stdout.startswith(f"{path}\nProven: {path}, ")


def test_settings_can_be_seen(backup):
    """It is said with unzip, which need not be installed."""
    assert "unzip -p FILE settings.env" in SECTION
    assert b"DEBUG=1" in zipfile.ZipFile(backup).read("settings.env").splitlines()


def test_commands_are_those_in_the_table(original):
    rows = re.findall(r"^\| `manage\.py (\w+)([^`]*)` \|", SECTION, re.MULTILINE)
    assert [name for name, _ in rows] == ["backup", "backup", "backup", "restore", "clean_media"]
    for name, arguments in rows:
        usage = original.manage(name, "--help")
        for option in re.findall(r"--\w+", arguments):
            assert option in usage
