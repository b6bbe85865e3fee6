"""Factories that mirror the apps: real rows of the practice that is open."""
