"""What must the paper's methods be held against? Rows that are not the paper's."""
