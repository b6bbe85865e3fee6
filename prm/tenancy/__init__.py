"""The tenant is the practice: one door (`use_practice`), one wall (row security), one base class for tenant rows."""

from prm.tenancy.context import NoPractice, WrongPractice, current_practice_id, use_practice

__all__ = ["NoPractice", "WrongPractice", "current_practice_id", "use_practice"]
