import pytest
from django.core.management import CommandError, call_command

from myweb.installation import RELEASES
from tests.contact.torture import open_forms, sql
from tests.site import ROOT, alive, descendants, wait_for

pytestmark = pytest.mark.nginx  # a prepared site


def test_only_in_a_clone(settings):
    settings.BASE_DIR = RELEASES / "0.1.0-7d2c03613cbf"
    with pytest.raises(CommandError, match="This is for a clone"):
        call_command("dev")


def test_it_works(site):
    """Everything runs and answers: pages, mail, pages whose time comes, code that is changed."""
    with site.sibling(CONTACT_RECIPIENTS="owner@example.com") as other:
        with (other.directory / "output").open("wb") as output:
            process = other.spawn(ROOT / "manage.py", "dev", as_site_user=False, stdout=output, stderr=output)
        wait_for(lambda: other.listens(other.port), "it listens")
        answer = other.get("/")
        assert (answer.status, "Far Hills" in answer.text) == (200, True)
        assert other.get("/static/myweb/site.css").status == 200
        [visitor] = open_forms(other, 1)
        assert visitor.send(other) == 302
        wait_for(lambda: "To: owner@example.com" in other.output(), "the message is printed")

        sql(other, "UPDATE pages_page SET is_public = 0, publish_from = '2020-01-01' WHERE path = '/privacy/'")
        wait_for(lambda: other.get("/privacy/").status == 200, "the page is shown")

        below = descendants(process.pid)
        process.terminate()
        process.wait(30)
        wait_for(lambda: not any(map(alive, below)), "all has ended")
