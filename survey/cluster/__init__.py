"""Who runs which shard when: slots, leases, and the serial and Dask executors."""
