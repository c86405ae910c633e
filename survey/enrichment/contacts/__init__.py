"""Whom to write to about an address: every source of contacts, and the one door to each."""
