"""What is installed: the same everywhere, down to the byte, and not forgotten."""

import json
import re
import subprocess
import sys
import tomllib
import urllib.request
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.site import ROOT

pytestmark = pytest.mark.code

UV = Path(sys.executable).with_name("uv")
ADVISORIES = "https://api.osv.dev/v1/querybatch"
HALF_A_YEAR = timedelta(days=182)


def pins(text: str) -> dict[str, str]:
    return {
        re.sub("[-_.]+", "-", name).lower(): version for name, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.M)
    }


def pins_of(name: str) -> dict[str, str]:
    return pins((ROOT / name).read_text())


@pytest.mark.parametrize("name", ["requirements.txt", "tests/requirements.txt"])
def test_every_requirement_has_its_version_and_hashes(name):
    text = re.sub(r"\\\n", "", (ROOT / name).read_text())
    for line in text.splitlines():
        assert re.fullmatch(r"#.*|[\w\-]+==[\w.]+( ; [^\\]+?)?( +--hash=sha256:[0-9a-f]{64})+", line), line


def test_requirements_are_those_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for name, wanted in (
        ("requirements.txt", project["project"]["dependencies"]),
        ("tests/requirements.txt", project["dependency-groups"]["tests"]),
    ):
        wanted = pins(re.sub(r"\[\w+\]", "", "\n".join(wanted)))
        assert wanted.items() <= pins_of(name).items()
    assert pins_of("requirements.txt").items() <= pins_of("tests/requirements.txt").items()


def existed(name: str, version: str, *options: str) -> bool:
    command = [str(UV), "pip", "compile", "--quiet", "--no-deps", "--universal", "--no-header", *options, "-"]
    return not subprocess.run(command, input=f"{name}=={version}", text=True, capture_output=True).returncode


def test_age():
    """Warns of releases that are older than half a year: they may be left alone by those who made them."""
    if not existed("Django", pins_of("requirements.txt")["django"]):
        pytest.skip("The index of packages cannot be reached.")
    then = f"--exclude-newer={datetime.now(UTC) - HALF_A_YEAR:%Y-%m-%d}"
    with ThreadPoolExecutor(4) as pool:
        ours = pins_of("tests/requirements.txt")
        are_old = pool.map(lambda pin: existed(*pin, then), ours.items())
    if old := [f"{name} {version}" for (name, version), is_old in zip(ours.items(), are_old, strict=True) if is_old]:
        warnings.warn(f"Older than half a year: {', '.join(old)}.", stacklevel=1)


def test_known_vulnerabilities():
    ours = pins_of("tests/requirements.txt")
    queries = [{"package": {"name": name, "ecosystem": "PyPI"}, "version": version} for name, version in ours.items()]
    request = urllib.request.Request(ADVISORIES, json.dumps({"queries": queries}).encode())
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            results = json.load(answer)["results"]
    except OSError as error:
        pytest.skip(f"The list of what is known to be vulnerable cannot be had: {error}")
    found = {name: [each["id"] for each in result.get("vulns", [])] for name, result in zip(ours, results, strict=True)}
    assert {name: ids for name, ids in found.items() if ids} == {}
