"""Do image and text add anything to a clinical model?"""
