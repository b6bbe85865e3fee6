"""Mail to staff, asked for through `accounts.notify`: queued with its cause, sent as the outbox sends."""
