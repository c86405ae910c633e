"""Who we are, said where somebody looks who saw our packets: made here, and seen to be served."""
