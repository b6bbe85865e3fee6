"""The demo practices of daily.md §17: their history is played through ingestion, evaluator and portal, not inserted."""
