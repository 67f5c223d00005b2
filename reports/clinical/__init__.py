"""Would the probabilities serve a patient? Calibration, benefit of decisions, hospitals and subgroups."""
