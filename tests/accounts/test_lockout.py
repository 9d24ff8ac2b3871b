from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from myweb.accounts import devices
from myweb.accounts.models import LoginFailures

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
RIGHT = {"username": "admin", "password": "password"}
WRONG = {"username": "admin", "password": "wrong"}
HERE, ELSEWHERE = "8.8.8.8", "9.9.9.9"


def attempt(client, data, address=HERE):
    return client.post(LOGIN, data, REMOTE_ADDR=address)


def from_many_addresses(number: int, data=WRONG) -> list[int]:
    return [attempt(Client(), data, f"8.8.{n}.1").status_code for n in range(number)]


@pytest.fixture(autouse=True)
def clock():
    """One that stands still, since waits may be a second."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        yield clock


@pytest.fixture
def hashed(monkeypatch) -> list[str]:
    """The passwords that were hashed."""
    passwords: list[str] = []
    check = User.check_password
    monkeypatch.setattr(User, "check_password", lambda self, raw: passwords.append(raw) or check(self, raw))
    return passwords


def test_fifth_failure_closes_the_door_for_15_minutes(client, admin_user):
    for _ in range(4):
        assert attempt(client, WRONG).status_code == 200
    response = attempt(client, WRONG)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "900")
    assert "try again in 15 minutes" in response.content.decode()
    with time_machine.travel(timezone.now() + timedelta(minutes=14)):
        assert attempt(client, RIGHT).status_code == 429
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1)):
        assert attempt(client, RIGHT).status_code == 302


def test_who_has_to_wait_costs_no_hash_and_one_query(client, admin_user, hashed, django_assert_num_queries):
    for _ in range(5):
        attempt(client, WRONG)
    del hashed[:]
    with django_assert_num_queries(2):  # may it try, and for how long is it to wait
        assert attempt(client, RIGHT).status_code == 429
    assert hashed == []


def test_trying_meanwhile_does_not_prolong_it(client, admin_user):
    for _ in range(5):
        attempt(client, WRONG)
    with time_machine.travel(timezone.now() + timedelta(minutes=14)):
        attempt(client, WRONG)
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1)):
        assert attempt(client, RIGHT).status_code == 302


def test_who_logs_in_begins_anew(client, admin_user):
    for _ in range(4):
        attempt(client, WRONG)
    assert attempt(Client(), RIGHT).status_code == 302
    for _ in range(4):
        assert attempt(client, WRONG).status_code == 200


def test_addresses_of_one_household_are_one(client, admin_user):
    codes = [attempt(Client(), WRONG, f"2600::{n:x}").status_code for n in range(1, 13)]
    assert codes == [200] * 4 + [429] * 8


def test_many_names_from_one_address_are_stopped(client):
    codes = [attempt(Client(), {**WRONG, "username": f"name{n}"}).status_code for n in range(20)]
    assert codes == [200] * 14 + [429] * 6
    assert attempt(Client(), {**WRONG, "username": "another"}, ELSEWHERE).status_code == 200


def test_own_account_does_not_reset_the_count_of_an_address(client, admin_user):
    for n in range(14):
        attempt(client, {**WRONG, "username": f"name{n}"})
    assert attempt(Client(), RIGHT).status_code == 302
    assert attempt(client, {**WRONG, "username": "other"}).status_code == 429


class TestGuessingFromManyAddresses:
    def test_waits_grow_to_a_minute(self, admin_user, clock):
        assert from_many_addresses(10) == [200] * 9 + [429]
        waits = []
        for n in range(8):
            clock.shift(61)
            waits.append(int(attempt(Client(), WRONG, f"8.9.{n}.1").headers["Retry-After"]))
        assert waits == [2, 4, 8, 16, 32, 60, 60, 60]

    def test_owner_is_not_kept_waiting(self, client, admin_user):
        attempt(client, RIGHT, ELSEWHERE)
        client.post("/admin/logout/")
        from_many_addresses(10)
        assert attempt(Client(), RIGHT, ELSEWHERE).status_code == 429
        assert attempt(client, RIGHT, ELSEWHERE).status_code == 302

    def test_owners_browser_has_a_limit_too(self, client, admin_user):
        attempt(client, RIGHT)
        codes = [attempt(client, WRONG, f"8.8.{n}.1").status_code for n in range(6)]
        assert codes == [200] * 4 + [429] * 2
        assert attempt(Client(), RIGHT).status_code == 302

    def test_own_cookie_does_not_help_with_the_name_of_another(self, client, admin_user):
        client.cookies["device"] = devices.new_cookie("editor")
        from_many_addresses(10)
        assert attempt(client, RIGHT).status_code == 429

    def test_owner_comes_in_with_a_new_browser_after_a_minute(self, client, admin_user):
        from_many_addresses(10)
        with time_machine.travel(timezone.now() + timedelta(minutes=1)):
            assert attempt(client, RIGHT).status_code == 302

    def test_unknown_names_are_told_the_same(self, admin_user):
        assert from_many_addresses(12) == from_many_addresses(12, {**WRONG, "username": "nobody"})

    def test_all_is_forgotten_after_an_hour(self, client, admin_user):
        from_many_addresses(10)
        with time_machine.travel(timezone.now() + timedelta(minutes=61)):
            assert [attempt(client, WRONG).status_code for _ in range(4)] == [200] * 4


class TestAddressThatSaysNothing:
    GATEWAY = "172.18.0.1"

    def test_is_not_counted(self, client, admin_user):
        for n in range(20):
            assert attempt(Client(), {**WRONG, "username": f"name{n}"}, self.GATEWAY).status_code == 200
        assert attempt(client, RIGHT, self.GATEWAY).status_code == 302

    def test_names_are(self, client, admin_user):
        codes = [attempt(client, WRONG, self.GATEWAY).status_code for _ in range(10)]
        assert codes == [200] * 9 + [429]

    def test_all_names_together_have_a_cap(self, client, admin_user):
        codes = [attempt(Client(), {**WRONG, "username": f"n{n}"}, self.GATEWAY).status_code for n in range(51)]
        assert codes == [200] * 49 + [429] * 2
        with time_machine.travel(timezone.now() + timedelta(seconds=6)):
            assert attempt(client, RIGHT, self.GATEWAY).status_code == 302


def test_nothing_readable_is_kept(client):
    attempt(client, {**WRONG, "username": "somebody"})
    assert LoginFailures.objects.count() == 3
    rows = map(str, LoginFailures.objects.values_list())
    assert [row for row in rows if "somebody" in row or HERE in row] == []


@pytest.mark.parametrize("username", ["", "a\0b", "x" * 5000, "é", "a b", "1 admin"])
def test_odd_names_are_no_error(client, username):
    assert attempt(client, {"username": username, "password": "x"}).status_code == 200


def test_time_in_the_future_counts_as_none(client, admin_user):
    for _ in range(5):
        attempt(client, WRONG)
    LoginFailures.objects.update(last_at=timezone.now() + timedelta(days=365))
    assert attempt(client, RIGHT).status_code == 302


def test_page_tells_of_the_way_by_mail_only_if_there_is_one(client, admin_user, settings):
    for _ in range(5):
        response = attempt(client, WRONG)
    assert "which you set in this browser" not in response.content.decode()
    settings.EMAIL_HOST = "mail.example.org"
    assert "which you set in this browser" in attempt(client, WRONG).content.decode()


@pytest.mark.slow("passwords are hashed")
@pytest.mark.django_db(transaction=True)
def test_many_at_once_get_no_further(admin_user, hashed, database):
    def try_once(n: int) -> int:
        try:
            return attempt(Client(), WRONG).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(15) as pool:
        codes = list(pool.map(try_once, range(150)))
    assert len(hashed) == 5
    assert set(codes) <= {200, 429}
