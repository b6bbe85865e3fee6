"""Sample data: twelve made-up patients to look around with, loaded through the real ingestion, removed without a trace.

They are marked (`Patient.is_sample`): nothing is ever sent to them, figures leave them out once real patients are here.
"""
