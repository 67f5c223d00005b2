"""How is anything shown?"""
