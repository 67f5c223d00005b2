"""Why does a model say this of this patient?"""
