"""Figure 5: does it hold in the next hospital?"""
