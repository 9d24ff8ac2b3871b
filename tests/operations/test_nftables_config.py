import subprocess
import sys

import pytest
from django.core.management import call_command

from tests.deploy.conftest import needs_root

pytestmark = pytest.mark.slow("needs nftables")


def test_it_works(settings, capsys):
    settings.TRUSTED_PROXIES, settings.PORT = ["192.0.2.1/32", "203.0.113.0/24", "2001:db8::/32"], 8080
    call_command("nftables_config")
    rules = capsys.readouterr().out
    assert "elements = { 192.0.2.1/32, 203.0.113.0/24 }" in rules
    assert "elements = { 2001:db8::/32 }" in rules
    assert rules.count("tcp dport { 80, 443, 8080 }") == 2
    assert "$" not in rules.partition("table inet")[2]


# Opens connections from the first address until one is refused, and then one from each of the others.
CLIENT = """
import socket, sys

kept = []

def can_connect(source, target):
    kept.append(socket.socket(socket.AF_INET6 if ":" in target else socket.AF_INET))
    kept[-1].bind((source, 0))
    try:
        kept[-1].connect((target, 8080))
    except ConnectionRefusedError:
        return False
    kept.append(servers[target].accept()[0])
    return True

target, first, *others = sys.argv[1:]
family = socket.AF_INET6 if ":" in target else socket.AF_INET
servers = {target: socket.create_server((target, 8080), family=family)}
number = 0
while number < 1_100 and can_connect(first, target):
    number += 1
print(number, *(can_connect(source, target) for source in others))
"""


@needs_root
@pytest.mark.parametrize(
    ("target", "sources", "outcome"),
    [
        ("192.0.2.1", ["192.0.2.2", "192.0.2.2", "192.0.2.3"], "1000 False True"),
        ("192.0.2.1", ["192.0.2.9"], "1100"),  # a trusted proxy
        ("2001:db8::1", ["2001:db8:0:1::2", "2001:db8:0:1::3", "2001:db8:0:2::2"], "1000 False True"),
        ("2001:db8::1", ["2001:db8:0:9::9"], "1100"),
    ],
)
def test_one_address_has_its_share_of_connections(settings, capsys, tmp_path, target, sources, outcome):
    """In a network of its own, which ends with the command; an upgrade loads the rules again."""
    proxies = ["192.0.2.9/32", "192.0.2.8/30", "2001:db8:0:9::/64", "2001:db8:0:9::9/128"]
    settings.TRUSTED_PROXIES, settings.PORT = proxies, 8080
    call_command("nftables_config")
    (tmp_path / "rules").write_text(capsys.readouterr().out)
    (tmp_path / "client.py").write_text(CLIENT)
    script = f"""
        set -e
        ulimit -n 4096
        ip link set lo up
        for address in {" ".join({target, *sources})}; do
            case $address in *:*) nodad=nodad ;; *) nodad= ;; esac
            ip address add $address dev lo $nodad
        done
        nft -f rules
        nft -f rules
        {sys.executable} client.py {target} {" ".join(sources)}
    """
    done = subprocess.run(["unshare", "--net", "sh", "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert (done.stdout.strip(), done.stderr) == (outcome, "")


@needs_root
def test_kernel_takes_it_without_proxies(settings, capsys):
    settings.TRUSTED_PROXIES = []
    call_command("nftables_config")
    rules = capsys.readouterr().out
    done = subprocess.run(["unshare", "--net", "nft", "-f", "-"], input=rules, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
