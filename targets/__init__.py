"""targets: a Graph becomes a Plan for one board, and the Plan becomes bytes."""
