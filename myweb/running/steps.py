"""Steps of what sets a site up or changes it over: each is shown while it runs, and its end if it fails."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

LOCK = 9  # the file descriptor on which deploy/common.sh holds the lock


class Refusal(Exception):
    """Why that is not done, as a sentence."""


def run(*command: object) -> str:
    """Run a command and return what it printed; raise Refusal with its errors if it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refusal(done.stderr.strip())
    return done.stdout


def succeeds(*command: object) -> bool:
    return not subprocess.run([str(part) for part in command], capture_output=True, check=False).returncode


class Steps:
    def __init__(self, keep: Callable[[str], object]) -> None:
        self.keep = keep  # what a step printed, with its name and the time
        self.process: subprocess.Popen[bytes] | None = None
        self.shown = 0  # steps and changes

    def say(self, what: str, end: str = "\n") -> None:
        self.shown += 1
        print(f"==> {what}", end=end, flush=True)

    def __call__(self, what: str, *command: object, refusal: str = "") -> str:
        """
        Run a command, show the seconds that it takes, and return its output.

        Raises Refusal if it fails, after the last lines of its output were shown.
        """
        began = time.monotonic()
        self.say(what, end="")
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
            close_fds=False,  # whatever ends this, the lock is held for as long as the command runs
        )
        printed = None
        while printed is None:
            try:
                printed, _ = self.process.communicate(timeout=1)
            except subprocess.TimeoutExpired:
                if sys.stdout.isatty():
                    print(f"\r==> {what} ({int(time.monotonic() - began)} s)", end="", flush=True)
        status, self.process = self.process.returncode, None
        again = f"\r==> {what}" if sys.stdout.isatty() else ""
        print(f"{again} ({int(time.monotonic() - began)} s)", flush=True)
        output = printed.decode(errors="replace")
        self.keep(f"{time.strftime('%FT%TZ', time.gmtime())} {what}\n{output}")
        if status:
            print("\n".join(output.splitlines()[-20:]), file=sys.stderr, flush=True)
            raise Refusal(refusal or f"this step failed: {what} (its last lines are above).")
        return output

    def end(self) -> None:
        """End the command that runs, if there is one."""
        if self.process:
            print()
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)
            end(self.process, lambda: 10)


def end(process: subprocess.Popen[bytes], limit: Callable[[], float]) -> None:
    """Wait until a process is gone, at most so many seconds; then kill its group."""
    began = time.monotonic()
    while process.poll() is None and time.monotonic() - began < limit():
        time.sleep(0.1)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def end_with(statuses: dict[signal.Signals, int]) -> None:
    """Have each of these signals end this process with that status, after what `finally` says."""
    for number in statuses:
        signal.signal(number, lambda number, _frame: sys.exit(statuses[signal.Signals(number)]))
