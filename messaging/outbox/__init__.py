"""Everything that leaves goes through here: queue, guard, delivery."""
