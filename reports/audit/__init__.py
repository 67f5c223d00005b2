"""Which confusion matrices can have given printed numbers?"""
