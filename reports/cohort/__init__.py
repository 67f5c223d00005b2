"""Who are the patients?"""
