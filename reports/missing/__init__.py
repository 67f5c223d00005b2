"""What if a modality is missing?"""
