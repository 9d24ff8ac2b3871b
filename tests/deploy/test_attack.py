import pytest

from tests.deploy.attack import attack, silent_server

pytestmark = pytest.mark.nginx


def test_every_other_visitor_gets_pages_and_is_thanked(site):
    with silent_server() as port, site.sibling(EMAIL_HOST="127.0.0.1", EMAIL_PORT=str(port)) as other:
        other.start()
        outcome = attack(other, visitors=20, seconds=15, connections=300)
    print(f"p99 {outcome.p99():.2f} s; {outcome.attacks}")
    assert set(outcome.pages) == {200}
    assert outcome.messages == {302: 20}
    # Some reach a worker, so that there was something to withstand.
    assert outcome.attacks["/admin/login/ 200"]
    assert outcome.attacks["/admin/login/ 503"]
