"""What the paper reports, beside ours."""
