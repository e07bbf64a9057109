"""From a raw scan to a z-scored volume on the atlas grid and to lesion crops."""
