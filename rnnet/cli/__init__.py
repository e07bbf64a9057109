"""One thin file per command: parse, call the pipeline, print."""
