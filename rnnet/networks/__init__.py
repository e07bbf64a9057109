"""Pure tensor code: shapes in, shapes out."""
