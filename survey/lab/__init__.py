"""A whole internet on 127.0.0.0/8, for the demo, tests and benchmarks."""
