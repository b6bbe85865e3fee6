"""Which practice this thread of work belongs to, in the ORM and in PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from django.db import connection, transaction

_practice: ContextVar[UUID | None] = ContextVar("practice", default=None)


class NoPractice(RuntimeError):
    """A tenant row was asked for while no practice is set."""


class WrongPractice(RuntimeError):
    """A practice was opened inside another one; a transaction belongs to one practice."""


def current_practice_id() -> UUID:
    """The id of the practice in whose context we are. NoPractice where none is set."""
    practice_id = _practice.get()
    if practice_id is None:
        raise NoPractice("no practice is set: open prm.tenancy.use_practice(...) first")
    return practice_id


def practice_id_or_none() -> UUID | None:
    """The id of the practice in whose context we are, or None."""
    return _practice.get()


@contextmanager
def use_practice(practice_id: UUID | str) -> Iterator[UUID]:
    """Open a transaction that sees the rows of one practice and of no other.

    Sets `prm.practice` for the transaction only (`set_config(…, true)`), so that a connection pooled in transaction
    mode never carries it to the next client (security.md §1). Nests for the same practice as a savepoint;
    WrongPractice for another one. `on_commit` hooks run outside and must open their own.
    """
    wanted = practice_id if isinstance(practice_id, UUID) else UUID(str(practice_id))
    outer = _practice.get()
    if outer is not None and outer != wanted:
        raise WrongPractice(f"practice {wanted} was opened inside practice {outer}")
    # Without a transaction the context is a leftover (a commit hook, another thread): the database knows no practice.
    fresh = outer is None or not connection.in_atomic_block
    with transaction.atomic():
        if fresh:
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('prm.practice', %s, true)", [str(wanted)])
        token = _practice.set(wanted)
        try:
            yield wanted
        finally:
            _practice.reset(token)  # before the commit, whose hooks see neither rows nor a practice
        if fresh and not connection.needs_rollback and connection.in_atomic_block:
            _leave(outer_block=len(connection.savepoint_ids))


def _leave(*, outer_block: int) -> None:
    """Where the transaction goes on (a test's wrapper), the setting must not."""
    if outer_block:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('prm.practice', '', true)")
