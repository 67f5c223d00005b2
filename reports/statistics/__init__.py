"""Is a difference between methods more than chance? Pure functions on out-of-fold predictions."""
