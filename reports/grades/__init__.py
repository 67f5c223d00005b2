"""How are predictions of ordered grades looked at?"""
