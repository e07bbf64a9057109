"""From the data set's fingerprint to a plan with its reasons."""
