"""One shard's work: discovery, pacing, conversations, receipt."""
