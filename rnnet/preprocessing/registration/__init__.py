"""Estimates the rigid transform from a scan to the atlas."""
