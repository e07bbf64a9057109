"""Radiomic and clinical features and their selection."""
