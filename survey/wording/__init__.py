"""The languages that people read us in: words, numbers, dates."""
