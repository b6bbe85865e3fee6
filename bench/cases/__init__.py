"""The cases of bench.md section 4, one module each with a `CASE` (bench.case.Case)."""
