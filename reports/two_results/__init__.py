"""What differs between two results of one outcome, and in what?"""
