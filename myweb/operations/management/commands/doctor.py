import sys
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from myweb.operations.doctor.examination import Finding, State, examine


class Command(BaseCommand):
    help = "Looks for what goes wrong with such sites; says for each fault what to do, and ends with status 1 if any."
    # It makes them itself.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--send", action="store_true", help="also send a probe message to the recipients")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = list(self.show(examine(send=options["send"])))
        faults = [finding for finding in findings if finding.state is State.FAILED]
        left_out = sum(finding.state is State.LEFT_OUT for finding in findings)
        for fault in faults:
            self.stdout.write(f"\nFAILED  {fault.name}: {fault.sentence}\n        {fault.fix}")
        self.stdout.write(f"\n{len(faults)} of {len(findings)} failed." if faults else "\nNothing is wrong.")
        if left_out:
            self.stdout.write(f"{left_out} were left out, because they rest on others.")
        if faults:
            sys.exit(1)

    def show(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Print what is right as soon as it is known; what is wrong comes last."""
        for finding in findings:
            if finding.state in (State.OK, State.NOT_CHECKED):
                self.stdout.write(f"{finding.state.value:<7} {finding.name}: {finding.sentence}")
            yield finding
