"""What do the results say? Reads predictions; never trains."""
