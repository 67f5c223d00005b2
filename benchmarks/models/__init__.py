"""How does a model leave the suite?"""
