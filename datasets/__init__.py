"""Where do patients and their embeddings come from?"""
