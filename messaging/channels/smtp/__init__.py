"""Any mail server, one message after the other over one connection."""
