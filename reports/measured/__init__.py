"""What do fits cost?"""
