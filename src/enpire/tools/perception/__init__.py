"""Where things are, from the pictures of calibrated cameras. One file, one thing to find."""
