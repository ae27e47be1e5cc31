"""Pictures as Pillow and tifffile read and write them."""
