"""The base of every task that touches a practice's rows."""

from typing import Any

from celery import Task

from prm.tenancy.context import current_practice_id, practice_id_or_none, use_practice

HEADER = "practice_id"


class MissingPractice(RuntimeError):
    """A practice's task was sent without the practice in its headers."""


class PracticeTask(Task):
    """Opens the practice named in the message's header; `delay` and `delay_on_commit` take it from the caller's
    context.

    Arguments are ids and moments, never a person's data: the broker is no place for PHI.
    """

    abstract = True

    def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        """As Celery's, with the practice in the headers. NoPractice where none is set."""
        headers = dict(options.pop("headers", None) or {})
        headers.setdefault(HEADER, str(practice_id_or_none() or current_practice_id()))
        return super().apply_async(args, kwargs, headers=headers, **options)

    def for_practice(self, practice_id: Any, *args: Any, **kwargs: Any) -> Any:
        """Send for a practice that is not the context's (cross-practice pollers)."""
        return super().apply_async(args, kwargs, headers={HEADER: str(practice_id)})

    def delay_on_commit(self, *args: Any, **kwargs: Any) -> None:
        """Send once the caller's transaction has committed; the practice is taken now."""
        from django.db import transaction  # noqa: PLC0415  (Celery loads this module before Django's apps)

        practice_id = current_practice_id()
        transaction.on_commit(lambda: self.for_practice(practice_id, *args, **kwargs))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run inside the practice of the header. MissingPractice without one."""
        practice_id = getattr(self.request, HEADER, None) or (self.request.headers or {}).get(HEADER)
        if not practice_id:
            raise MissingPractice(self.name)
        with use_practice(practice_id):
            return self.run(*args, **kwargs)
