"""Trained models applied to new scans."""
