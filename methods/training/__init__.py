"""How is one network trained?"""
