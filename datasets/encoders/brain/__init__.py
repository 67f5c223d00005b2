"""Which networks have learnt from brain MRI?"""
