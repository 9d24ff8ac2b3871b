"""Rule-based tests, as hypothesis thinks them out here."""

from collections.abc import Callable

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test


def think(machine: Callable[[], RuleBasedStateMachine], examples: int, steps: int, number: int | None = None) -> None:
    """
    Try so many sequences of so many steps, the same ones for the same `number`; the shortest that fails is printed.
    """
    limits = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine if number is None else seed(number)(machine), settings=limits)
