"""The words: frozen records and closed lists. Imports nothing of ours."""
