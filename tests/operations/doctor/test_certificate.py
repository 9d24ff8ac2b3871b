import contextlib

import pytest
import trustme

from tests.operations.doctor import faults
from tests.operations.doctor.faults import fault, look
from tests.operations.doctor.servers import Authority, talking
from tests.smtp import certificate as self_signed
from tests.smtp import tls_context as self_signed_context


@pytest.fixture
def serve(settings, patience):
    """Return a function that serves TLS with a context at the site's address."""
    with contextlib.ExitStack() as stack:

        def start(context) -> None:
            port = stack.enter_context(talking(b"HTTP/1.1 200 OK\r\n\r\n", context=context))
            settings.SITE_URL = f"https://localhost:{port}"

        yield start


@fault("certificate", "The certificate of localhost ended 3 days ago, on .*certbot renew")
def expired(serve, authority):
    serve(authority.context(begin=-90, end=-3))
    yield


@fault("certificate", "The certificate of localhost is not valid before .*; this machine has .*clock")
def not_yet_valid(serve, authority):
    serve(authority.context(begin=2))
    yield


@fault("certificate", "The certificate is for “www.example.org, example.org”, not for localhost")
def another_name(serve, authority):
    serve(authority.context("www.example.org", "example.org"))
    yield


@fault("certificate", "The certificate of localhost is signed by itself")
def signed_by_itself(serve, authority):
    serve(self_signed_context())
    yield
    assert self_signed().exists()


@fault("certificate", "Who signed the certificate of localhost is not known here: an intermediate .*fullchain.pem")
def unknown_authority(serve, authority, tmp_path):
    (tmp_path / "other").mkdir()
    serve(Authority(tmp_path / "other").context())
    yield


@fault("certificate", "Who signed the certificate of localhost is not known here: an intermediate .* is missing")
def intermediate_is_missing(serve, authority):
    authority.authority = authority.authority.create_child_ca()
    context = authority.context()
    context.load_cert_chain(*_without_chain(authority))
    serve(context)
    yield


def _without_chain(authority) -> tuple[str, str]:
    leaf: trustme.LeafCert = authority.authority.issue_cert("localhost")
    directory = authority.file.parent
    leaf.cert_chain_pems[0].write_to_path(str(directory / "cert.pem"))
    leaf.private_key_pem.write_to_path(str(directory / "key.pem"))
    return str(directory / "cert.pem"), str(directory / "key.pem")


@fault("certificate's end", "ends in 4 days, on .*should have been renewed.*certbot.timer")
def renewal_does_not_happen(serve, authority):
    serve(authority.context(begin=-85, end=4.5))
    yield


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("row", faults.rows(__name__))
def test_fault_is_found(row, request):
    faults.check(row, request)


def test_it_works(serve, authority):
    serve(authority.context())
    assert look("certificate").sentence == "it is valid for localhost, 127.0.0.1."
    assert look("certificate's end").sentence.startswith("88 days, until")


def test_short_lived_certificate_is_not_late(serve, authority):
    serve(authority.context(begin=-3, end=3))
    assert look("certificate's end").state is faults.State.OK
