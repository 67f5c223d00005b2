"""How is one patient's prediction taken apart, and does it repeat?"""
