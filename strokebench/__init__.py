"""A benchmark suite for prognosis after ischaemic stroke from MRI, diagnostic text and a clinical table."""
