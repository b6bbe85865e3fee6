"""Pages of messages: the log for staff, the redirect for everyone."""
