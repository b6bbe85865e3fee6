"""`make bench`: what the product does, measured beside a limit or a peer in the same run (docs/how-to/bench.md)."""
