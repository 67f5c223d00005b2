"""What is fitted on the training part?"""
