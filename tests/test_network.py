import pytest

from myweb.network import network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("::ffff:8.8.8.8", "8.8.8.8"),
        ("2600::1:2", "2600::/64"),
        ("2600::ffff:1:2:3", "2600::/64"),
        ("2600:0:0:1::1", "2600:0:0:1::/64"),
    ],
)
def test_it_works(address, network):
    assert network_of(address) == network


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "172.18.0.1", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "fd00::1", "", "unix:", "x"]
)
def test_address_that_says_nothing(address):
    assert network_of(address) == ""
