"""What kmq is measured beside: coders, quantisers, whole pipelines, and the judge of looks."""
