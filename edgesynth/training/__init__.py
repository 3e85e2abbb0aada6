"""Around the training loop: its state on disk, a Ctrl-C that waits for a step, rendering."""
