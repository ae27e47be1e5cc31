"""What is measured: sizes, palettes, rate and distortion, speed."""
