"""What can be predicted?"""
