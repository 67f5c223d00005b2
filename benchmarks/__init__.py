"""Which experiments exist, and how are they run?"""
