"""Measurements of speed and accuracy, as commands: each prints its figures beside a peer or a known truth."""
