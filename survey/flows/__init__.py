"""The joins of stages: one function each, called by the CLI and by jobs."""
