"""Providers to send to on this machine: SendGrid over HTTP and a mail server, both with faults on demand.

The real clients talk to them (`SENDGRID_API_BASE`); the ledger of what was accepted is the oracle of every test of loss
and duplicates.
"""
