import pytest

from tests.operations.doctor import faults
from tests.operations.doctor.faults import fault


@fault("settings", "DEBUG is on: .*Set DEBUG=false")
def debug(settings):
    settings.DEBUG = True
    yield


@fault("settings", "Django complains: .*CSRF failure view .*manage.py check")
def what_django_finds(settings):
    settings.CSRF_FAILURE_VIEW = "nowhere.at_all"
    yield


@fault("settings in force", "another value of LANGUAGE_CODE, TIME_ZONE than this command.*restart uWSGI")
def changed_and_not_restarted(real, settings):
    settings.TIME_ZONE = "Asia/Shanghai"
    settings.LANGUAGE_CODE = "zh-hans"
    yield


@fault("settings in force", "another value of EMAIL_HOST_PASSWORD than")
def another_password(real, settings):
    settings.EMAIL_HOST_PASSWORD = "sesame-open"
    yield


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("row", faults.rows(__name__))
def test_fault_is_found(row, request):
    faults.check(row, request)


@pytest.mark.nginx
def test_value_that_cannot_be_used_ends_it_with_one_sentence(site):
    with site.sibling(SITE_URL="nonsense") as other:
        result = other.manage("doctor")
    assert result.returncode == 1
    assert result.stderr.strip().splitlines() == [result.stderr.strip()]
    assert "SITE_URL is “nonsense”" in result.stderr
