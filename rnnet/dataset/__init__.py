"""Reads raw data sets: cases, manifest, integrity, splits, leakage."""
