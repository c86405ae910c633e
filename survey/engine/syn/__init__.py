"""SYN discovery: packets made and answers judged as columns, on AF_PACKET rings (decision 0100)."""
