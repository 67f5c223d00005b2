"""What was asked of a call, as a file, and what will it take?"""
