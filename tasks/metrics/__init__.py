"""How is a prediction judged?"""
