"""Would more patients help?"""
