"""Tabular classifiers and stacking."""
