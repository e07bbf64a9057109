"""Attention maps in the native grid and as pictures."""
