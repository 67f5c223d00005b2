"""SOOP, a public cohort of acute ischaemic strokes."""
