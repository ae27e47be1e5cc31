"""K-means on weighted colours: a start, steps, swaps, and colours that get an entry of their own."""
