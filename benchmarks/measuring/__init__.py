"""What does it cost, and what are its intervals worth? The suite's own instruments."""
