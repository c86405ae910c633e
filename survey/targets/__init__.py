"""What may be tested: campaign, ranges, gate, opt-outs, permutation, plan, shards."""
