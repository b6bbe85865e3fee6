"""Row level security and same-practice foreign keys as constraints of a model's Meta.

`makemigrations` writes them, `--check` reports drift, `migrate` and its reverse apply and remove them. Row security
stops forgotten filters, not SQL injection: injected SQL can call `set_config` (security.md §1).
"""

from typing import Any

from django.db import models
from django.db.backends.ddl_references import Statement, Table

OWN_PRACTICE = "practice_id = nullif(current_setting('prm.practice', true), '')::uuid"


class _StatementConstraint(models.BaseConstraint):
    create = remove = ""

    def _statement(self, template: str, model: type[models.Model], editor: Any) -> Statement:
        return Statement(
            template,
            table=Table(model._meta.db_table, editor.quote_name),
            name=editor.quote_name(self.name),
            **self.parts(model, editor),
        )

    def parts(self, model: type[models.Model], editor: Any) -> dict[str, Any]:
        return {}

    def constraint_sql(self, model: type[models.Model], editor: Any) -> None:
        editor.deferred_sql.append(self._statement(self.create, model, editor))

    def create_sql(self, model: type[models.Model], editor: Any) -> Statement | None:
        return self._statement(self.create, model, editor)

    def remove_sql(self, model: type[models.Model], editor: Any) -> Statement:
        return self._statement(self.remove, model, editor)

    def validate(self, model: type[models.Model], instance: models.Model, exclude: Any = None, using: str = "") -> None:
        """The database decides; there is nothing that a form could check beforehand."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.deconstruct() == other.deconstruct()

    def __hash__(self) -> int:
        return hash((type(self), self.name))


class RowSecurity(_StatementConstraint):
    """ENABLE and FORCE row level security with one policy for reading and writing.

    `using`: the SQL condition, by default "the row's practice is the transaction's practice". Default deny when unset.
    """

    create = (
        "ALTER TABLE %(table)s ENABLE ROW LEVEL SECURITY; ALTER TABLE %(table)s FORCE ROW LEVEL SECURITY; "
        "CREATE POLICY %(name)s ON %(table)s USING (%(using)s)"
    )
    remove = (
        "DROP POLICY %(name)s ON %(table)s; ALTER TABLE %(table)s NO FORCE ROW LEVEL SECURITY; "
        "ALTER TABLE %(table)s DISABLE ROW LEVEL SECURITY"
    )

    def __init__(self, *, name: str, using: str = OWN_PRACTICE) -> None:
        self.using = using
        super().__init__(name=name)

    def deconstruct(self) -> tuple[str, tuple, dict[str, Any]]:
        """As Django's, with the condition where it is not the usual one."""
        path, args, kwargs = super().deconstruct()
        return path, args, kwargs if self.using == OWN_PRACTICE else {**kwargs, "using": self.using}

    def parts(self, model: type[models.Model], editor: Any) -> dict[str, Any]:
        """The condition, for the template."""
        return {"using": self.using}


class SamePractice(_StatementConstraint):
    """A composite foreign key `(practice_id, x_id)` to `(practice_id, id)`: a row never points into another practice.

    `field`: a ForeignKey of the model with `db_constraint=False`. Deferred to the commit, as Django's own keys are.
    """

    create = (
        "ALTER TABLE %(table)s ADD CONSTRAINT %(name)s FOREIGN KEY (practice_id, %(column)s) "
        "REFERENCES %(to)s (practice_id, id) DEFERRABLE INITIALLY DEFERRED"
    )
    remove = "ALTER TABLE %(table)s DROP CONSTRAINT %(name)s"

    def __init__(self, *, field: str, name: str) -> None:
        self.field = field
        super().__init__(name=name)

    def create_sql(self, model: type[models.Model], editor: Any) -> None:
        """At the end of the migration: the unique key that it refers to may come later in the same one."""
        editor.deferred_sql.append(self._statement(self.create, model, editor))

    def deconstruct(self) -> tuple[str, tuple, dict[str, Any]]:
        """As Django's, with the field."""
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "field": self.field}

    def parts(self, model: type[models.Model], editor: Any) -> dict[str, Any]:
        """Column and target table, for the template."""
        field: Any = model._meta.get_field(self.field)
        return {
            "column": editor.quote_name(field.column),
            "to": Table(field.related_model._meta.db_table, editor.quote_name),
        }
