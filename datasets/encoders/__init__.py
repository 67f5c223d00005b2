"""How an image or a text becomes a vector: one contract, and one file an encoder."""
