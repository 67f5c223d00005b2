"""How are many networks of one kind trained at once?"""
