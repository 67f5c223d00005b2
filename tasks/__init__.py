"""What is predicted, on which patients, and how is it judged?"""
