"""Documents on paper: what a report's and a letter's PDF have in common."""
