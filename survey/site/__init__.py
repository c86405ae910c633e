"""The operators' site: pages from the same data as letters, and what answers behind them."""
