"""What did tuning find?"""
