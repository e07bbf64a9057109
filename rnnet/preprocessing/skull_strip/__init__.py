"""Brain masks: one adapter per stripper."""
