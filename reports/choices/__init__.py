"""What is a choice worth that the paper leaves open?"""
