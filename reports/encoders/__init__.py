"""What is an encoder worth?"""
