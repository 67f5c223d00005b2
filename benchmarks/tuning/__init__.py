"""Which hyper-parameters?"""
