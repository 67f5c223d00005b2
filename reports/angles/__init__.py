"""How far does joint encoding bring image and text together?"""
