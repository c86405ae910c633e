"""The far end of every test: our MX and our echo host, and the log of what arrived there."""
