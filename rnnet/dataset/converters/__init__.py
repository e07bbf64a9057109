"""From a public release, as it is downloaded, to a raw data set: one file per source."""
