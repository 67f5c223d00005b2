"""Where is a fit computed?"""
