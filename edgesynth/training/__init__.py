"""What training needs around its loop: the state on disk, an interrupt that waits for a step."""
