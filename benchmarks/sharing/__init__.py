"""How do results travel?"""
