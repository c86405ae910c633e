"""Building messages; used by reports and notify."""
