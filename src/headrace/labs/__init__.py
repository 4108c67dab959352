"""The shop: a deterministic business with an oracle, for the demo, the labs and the tests."""
