import shutil
import subprocess

import pytest
from django.core.management import call_command

from tests.deploy.conftest import needs_root


def test_it_works(settings, capsys):
    settings.TRUSTED_PROXIES, settings.PORT = ["192.0.2.1/32", "203.0.113.0/24", "2001:db8::/32"], 8080
    call_command("nftables_config")
    rules = capsys.readouterr().out
    assert "elements = { 192.0.2.1/32, 203.0.113.0/24 }" in rules
    assert "elements = { 2001:db8::/32 }" in rules
    assert rules.count("tcp dport { 80, 443, 8080 }") == 2
    assert "$" not in rules.partition("table inet")[2]


@needs_root
@pytest.mark.skipif(not shutil.which("nft"), reason="there is no nft here")
@pytest.mark.parametrize("proxies", [[], ["127.0.0.1/32", "::1/128"]])
def test_kernel_takes_it_twice(settings, capsys, proxies):
    """In a network of its own, which ends with the command."""
    settings.TRUSTED_PROXIES = proxies
    call_command("nftables_config")
    rules = capsys.readouterr().out
    command = ["unshare", "--net", "sh", "-c", 'printf %s "$1" | nft -f - && printf %s "$1" | nft -f -', "sh", rules]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
