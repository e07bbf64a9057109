"""Trials that check rnnet's claims on data: scripts beside the package, no part of it."""
