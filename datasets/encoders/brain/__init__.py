"""Which networks have learnt from brain MRI? One file each; their weights are fetched, or given."""
