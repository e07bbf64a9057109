"""Weights of other programs: read, recognised, renamed, and fitted to the plan's network."""
