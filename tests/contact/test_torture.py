"""The real uWSGI and Nginx with a real mail server, while one or another of them does not work."""

import os
from collections.abc import Iterator

import pytest

from tests import smtp
from tests.contact.torture import (
    PageReader,
    Storm,
    deliver_all,
    mail_settings,
    open_forms,
    postgres_database,
    send_all,
    sql,
    stored,
    waiting,
)
from tests.site import Site, wait_for
from tests.smtp import MailServer

pytestmark = pytest.mark.nginx


@pytest.fixture(scope="module")
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(scope="module")
def mailing_site(site: Site, mail_server: MailServer) -> Iterator[Site]:
    with site.sibling(**mail_settings(mail_server)) as mailing_site:
        remove_messages(mailing_site)
        yield mailing_site.start()


def remove_messages(site: Site) -> None:
    """Forget what other tests have sent to the site that this one is a copy of."""
    for table in ("delivery", "contactmessage"):
        sql(site, f"DELETE FROM contact_{table}")


@pytest.mark.parametrize("state", ["up", "down", "451", "hanging"])
def test_visitors_do_not_notice_the_mail_server(mailing_site, mail_server, state):
    mail_server.received.clear()
    before = set(stored(mailing_site))
    visitors = open_forms(mailing_site, 100)
    with PageReader(mailing_site) as reader:
        if state == "down":
            mail_server.stop()
        mail_server.failing = {"451": {"rcpt": "451 greylisted"}, "hanging": {"greeting": smtp.HANG}}.get(state, {})
        statuses = send_all(mailing_site, visitors)
        if state != "up":
            failing = "SELECT count(*) FROM contact_delivery WHERE reason <> '' AND sent_at IS NULL"
            wait_for(lambda: sql(mailing_site, failing)[0][0], "the failure is seen")
    assert statuses == {302: 100}
    in_database = {text: mail_id for text, mail_id in stored(mailing_site).items() if text not in before}
    assert set(in_database) == {visitor.text for visitor in visitors if visitor.thanks}
    assert reader.failures == 0
    assert len(reader.seconds) > 5
    mail_server.stop()
    mail_server.failing = {}
    mail_server.start()
    deliver_all(mailing_site, mail_server)
    assert sorted(mail.message_id for mail in mail_server.received) == sorted(in_database.values())
    assert waiting(mailing_site) == 0


def storm(site: Site, server: MailServer, **options) -> None:
    server.received.clear()
    assert site.up("--prepare").returncode == 0
    remove_messages(site)
    storm = Storm(site, server, 300, **options)
    storm.run(seconds=100)
    numbers = storm.check()
    print(numbers)
    assert numbers["thanked"] == numbers["stored"] == numbers["mailed"] == 300
    assert numbers["workers killed"] + numbers["delivery killed"] + numbers["masters killed"] >= 10


def test_no_message_is_lost_whatever_is_killed(site, mail_server):
    with site.sibling(**mail_settings(mail_server)) as other:
        storm(other, mail_server)


@pytest.mark.postgres
@pytest.mark.skipif("MYWEB_TEST_POSTGRES" not in os.environ, reason="MYWEB_TEST_POSTGRES names no cluster")
def test_no_message_is_lost_on_postgresql_with_three_delivery_processes(site, mail_server):
    with (
        postgres_database(os.environ["MYWEB_TEST_POSTGRES"]) as url,
        site.sibling(DATABASE_URL=url, **mail_settings(mail_server)) as other,
    ):
        storm(other, mail_server, deliverers=2)
