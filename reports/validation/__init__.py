"""What do models say of patients whom they were not made of?"""
