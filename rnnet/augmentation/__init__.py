"""Batched tensor augmentation on the device."""
