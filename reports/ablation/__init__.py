"""Table 2 and Table 3: what is each modality, and each loss, worth?"""
