"""Arrays in, numbers out: metrics and statistics."""
