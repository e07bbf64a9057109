"""Implants lesions of known class into a real head."""
