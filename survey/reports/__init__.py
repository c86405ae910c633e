"""What an agency receives about its own jurisdiction."""
