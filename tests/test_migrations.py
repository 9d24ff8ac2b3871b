"""What the release before has to live with: for a moment at every upgrade, and for good after a fall back."""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models.fields import NOT_PROVIDED

ADDS = (
    migrations.CreateModel,
    migrations.AddIndex,
    migrations.RemoveIndex,
    migrations.RenameIndex,
    migrations.RemoveConstraint,
    migrations.AlterModelOptions,
    migrations.AlterModelManagers,
    # What these do to rows is for its author to judge.
    migrations.RunPython,
    migrations.RunSQL,
)


def complaint(operation: Operation, before: ProjectState) -> str | None:
    """Return what `operation` breaks for the release that knows the tables as they were `before`, or None."""
    if isinstance(operation, migrations.SeparateDatabaseAndState):
        return next(filter(None, (complaint(inner, before) for inner in operation.database_operations)), None)
    if isinstance(operation, migrations.AddField):
        if operation.field.many_to_many or can_be_left_out(operation.field):
            return None
        return "a new column is nullable or has db_default: an INSERT of the release before does not name it"
    if isinstance(operation, migrations.AlterField):
        return complaint_of_altered(operation, before)
    if isinstance(operation, ADDS):
        return None
    return "the release before still uses what this takes away, renames or forbids"


def can_be_left_out(field: models.Field) -> bool:
    return field.null or field.db_default is not NOT_PROVIDED


def complaint_of_altered(operation: migrations.AlterField, before: ProjectState) -> str | None:
    app_label = operation_app(operation, before)
    old = before.models[app_label, operation.model_name_lower].get_field(operation.name)
    new = operation.field
    if old.null and not can_be_left_out(new):
        return "the release before writes NULL there"
    if new.unique and not old.unique:
        return "the release before may write the same twice"
    if kind(old) != kind(new):
        return "the release before writes values of the old type"
    if old.max_length and new.max_length and new.max_length < old.max_length:
        return "the release before writes longer values"
    return None


def kind(field: models.Field) -> str:
    """Return the type of the column, whatever its length."""
    return str(field.db_type(connection)).partition("(")[0]


def operation_app(operation: migrations.AlterField, before: ProjectState) -> str:
    return next(app for app, model in before.models if model == operation.model_name_lower)


def own_operations() -> Iterator[tuple[str, Operation, ProjectState]]:
    """Yield every operation of this project's migrations but the first of each app, and the state before it."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    for (app_label, name), migration in sorted(loader.disk_migrations.items()):
        if not migration.initial and apps.get_app_config(app_label).name.startswith("myweb."):
            state = loader.project_state((app_label, name), at_end=False)
            for operation in migration.operations:
                yield f"{app_label}.{name}: {operation.describe()}", operation, state.clone()
                operation.state_forwards(app_label, state)


def test_release_before_lives_with_all_migrations():
    found = {name: complaint(operation, before) for name, operation, before in own_operations()}
    assert {name: why for name, why in found.items() if why} == {}


def state_with(field: models.Field) -> ProjectState:
    state = ProjectState()
    migrations.CreateModel("Row", [("id", models.BigAutoField(primary_key=True)), ("value", field)]).state_forwards(
        "rows", state
    )
    return state


TEXT = models.CharField(max_length=10)


@pytest.mark.parametrize(
    ("operation", "old"),
    [
        (migrations.AddField("row", "new", models.CharField(max_length=10)), TEXT),
        (migrations.AddField("row", "new", models.CharField(max_length=10, default="")), TEXT),
        (migrations.RemoveField("row", "value"), TEXT),
        (migrations.RenameField("row", "value", "other"), TEXT),
        (migrations.DeleteModel("row"), TEXT),
        (migrations.RenameModel("row", "other"), TEXT),
        (migrations.AlterModelTable("row", "other"), TEXT),
        (migrations.AddConstraint("row", models.UniqueConstraint(fields=["value"], name="one")), TEXT),
        (migrations.AlterUniqueTogether("row", [("value", "id")]), TEXT),
        (migrations.AlterField("row", "value", models.CharField(max_length=5)), TEXT),
        (migrations.AlterField("row", "value", models.CharField(max_length=10, unique=True)), TEXT),
        (migrations.AlterField("row", "value", models.IntegerField()), TEXT),
        (migrations.AlterField("row", "value", models.IntegerField()), models.IntegerField(null=True)),
        (
            migrations.SeparateDatabaseAndState([migrations.RemoveField("row", "value")]),
            TEXT,
        ),
    ],
)
def test_refused(operation, old):
    assert complaint(operation, state_with(old))


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("row", "new", models.CharField(max_length=10, null=True)),
        migrations.AddField("row", "new", models.CharField(max_length=10, db_default="")),
        migrations.AddField("row", "new", models.ManyToManyField("rows.Row")),
        migrations.AlterField("row", "value", models.CharField(max_length=20)),
        migrations.AlterField("row", "value", models.CharField("another label", max_length=10)),
        migrations.CreateModel("Other", []),
        migrations.AddIndex("row", models.Index(fields=["value"], name="rows_by_value")),
        migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("row", "value")]),
    ],
)
def test_allowed(operation):
    assert complaint(operation, state_with(TEXT)) is None
