"""What are networks built of?"""
