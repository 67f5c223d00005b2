"""How well do methods do at several sites, and over all of them?"""
