import os
import subprocess
import sys

import pytest

from myweb.running.steps import Refusal, Steps, run, succeeds
from tests.site import ROOT, wait_for


@pytest.fixture
def kept() -> list[str]:
    return []


@pytest.fixture
def step(kept) -> Steps:
    return Steps(kept.append)


def test_it_works(step, kept, capfd):
    assert step("Greeting", "echo", "hello") == "hello\n"
    assert capfd.readouterr() == ("==> Greeting (0 s)\n", "")
    [said] = kept
    assert said.endswith("Z Greeting\nhello\n")
    assert step.shown == 1


def test_failure_shows_the_end_of_what_was_printed(step, kept, capfd):
    with pytest.raises(Refusal, match=r"^this step failed: Counting"):
        step("Counting", "sh", "-c", "seq 30; exit 3")
    assert capfd.readouterr().err.split() == [str(number) for number in range(11, 31)]
    assert "\n1\n" in kept[0]


def test_failure_in_the_caller_s_words(step):
    with pytest.raises(Refusal, match=r"^nothing was changed"):
        step("Failing", "false", refusal="nothing was changed.")


def test_signal_ends_what_runs(tmp_path):
    """With all that it has started."""
    program = f"""
import signal, sys
from myweb.running.steps import Steps, end_with
end_with({{signal.SIGTERM: 7}})
step = Steps(print)
try:
    step("Waiting", "sh", "-c", "sleep 600 & echo $! >{tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; wait")
finally:
    step.end()
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) as process:
        wait_for((tmp_path / "pid").exists, "the step runs")
        process.terminate()
        assert process.wait(60) == 7
    sleeper = int((tmp_path / "pid").read_text())
    wait_for(lambda: not is_running(sleeper), "what it started has ended")


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True).stdout
    return state.strip() not in ("", "Z")


def test_run_returns_what_was_printed():
    assert run("echo", 1) == "1\n"


def test_run_refuses_with_what_went_wrong():
    with pytest.raises(Refusal, match=r"^because$"):
        run("sh", "-c", "echo because >&2; exit 1")


@pytest.mark.parametrize(("command", "expected"), [("true", True), ("false", False)])
def test_succeeds(command, expected):
    assert succeeds(command) is expected
