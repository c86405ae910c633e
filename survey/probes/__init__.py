"""The I/O shell: one file per probe, one registry, one stream seam, one table of failures."""
