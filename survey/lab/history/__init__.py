"""Many weeks of a campaign as they would have been written down, with the truth known."""
