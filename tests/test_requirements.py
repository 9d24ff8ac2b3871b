"""What is known of the packages that are pinned."""

import json
import re
import subprocess
import sys
import urllib.request
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.site import ROOT

pytestmark = pytest.mark.internet

UV = Path(sys.executable).with_name("uv")
ADVISORIES = "https://api.osv.dev/v1/querybatch"
HALF_A_YEAR = timedelta(days=182)


def pins() -> dict[str, str]:
    """Return the versions of all packages, those of the tests included."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "tests" / "requirements.txt").read_text(), re.MULTILINE))


def existed(name: str, version: str, *options: str) -> bool:
    command = [str(UV), "pip", "compile", "--quiet", "--no-deps", "--universal", "--no-header", *options, "-"]
    return not subprocess.run(command, input=f"{name}=={version}", text=True, capture_output=True).returncode


def test_age():
    """Warns of releases that are older than half a year: they may be left alone by those who made them."""
    ours = pins()
    if not existed("django", ours["django"]):
        pytest.skip("The index of packages cannot be reached.")
    then = f"--exclude-newer={datetime.now(UTC) - HALF_A_YEAR:%Y-%m-%d}"
    with ThreadPoolExecutor(4) as pool:
        are_old = pool.map(lambda pin: existed(*pin, then), ours.items())
    if old := [f"{name} {version}" for (name, version), is_old in zip(ours.items(), are_old, strict=True) if is_old]:
        warnings.warn(f"Older than half a year: {', '.join(old)}.", stacklevel=1)


def test_known_vulnerabilities():
    ours = pins()
    queries = [{"package": {"name": name, "ecosystem": "PyPI"}, "version": version} for name, version in ours.items()]
    request = urllib.request.Request(ADVISORIES, json.dumps({"queries": queries}).encode())
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            results = json.load(answer)["results"]
    except OSError as error:
        pytest.skip(f"The list of what is known to be vulnerable cannot be had: {error}")
    found = {name: [each["id"] for each in result.get("vulns", [])] for name, result in zip(ours, results, strict=True)}
    assert {name: ids for name, ids in found.items() if ids} == {}
