"""The agencies' portal: reports, feeds, findings and cases of one's own jurisdiction, for a key."""
