"""What decides a result?"""
