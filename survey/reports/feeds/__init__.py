"""The list of an agency in the forms that its tools read; one module per form (docs/feeds.md)."""
